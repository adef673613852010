"""The file of a study: what is wrong is told in one line, with key, value and rule."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from src.common.errors import UserError
from src.study.file import load

from ..conftest import ROOT

STUDIES = sorted((ROOT / "studies").glob("*.yaml"))


def loaded(tmp_path: Path, content: Any) -> Any:
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return load(tmp_path / "mine.yaml")


def test_it_is_read(tmp_path: Path, content: dict[str, Any]) -> None:
    name, study = loaded(tmp_path, content)
    assert name == "mine"
    assert study.names == ["data.format", "steps"]
    assert study.axes[0]["data.format"]["plain"] == {"data.format": "plain"}
    assert study.axes[0]["steps"] == {"20": {"training.max_steps": 20}, "30": {}}
    assert study.published[0].values == {"20": 0.25}
    small = study.small()
    assert (small.seeds, small.base["data.n_samples"]) == ([7], 200)
    assert small.axes == study.axes


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": []}, "seeds = []: List should have at least 1 item"),
        ({"seeds": [0, 0]}, "seeds = [0, 0]: must be different numbers"),
        ({"sedes": [0]}, "sedes = [0]: Extra inputs are not permitted"),
        ({"question": ""}, "question = '': String should have at least 1 character"),
        ({"axes": {"data.format": []}}, "axes.0.data.format = {}: must have at least one value"),
        ({"axes": {"steps": 3}}, "axes.0.steps = 3: must be a valid dictionary"),
        (
            {"axes": [{"steps": {20: {}}}, {"data.format": ["plain"]}]},
            "axes.1 = ['data.format']: must have the same axes as the first: steps",
        ),
        (
            {"charts": [{"title": "a", "where": {"data.format": "odd"}}]},
            "charts.0.where.data.format = 'odd': the axis has no such value; choices: plain, rev",
        ),
        (
            {"charts": [{"title": "a", "where": {"format": "plain"}}]},
            "charts.0.where.format = 'plain': no such axis; choices: data.format, steps",
        ),
        (
            {"charts": [{"title": "a", "x": "training_flops"}]},
            "charts.0.x = 'training_flops': needs along: an axis, of data.format, steps",
        ),
        (
            {"published": [{"source": "a", "of": "steps", "values": {40: 1}}]},
            "published.0.values = '40': the axis has no such value; choices: 20, 30",
        ),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    tmp_path: Path, content: dict[str, Any], changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError) as raised:
        loaded(tmp_path, content | changes)
    assert str(raised.value).startswith(f"{tmp_path / 'mine.yaml'}: {said}")
    assert "\n" not in str(raised.value)


def test_what_is_no_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"mine.yaml: must hold keys such as question: and axes:"):
        loaded(tmp_path, ["a"])
    (tmp_path / "no name.yaml").touch()
    with pytest.raises(UserError, match="no name: the name of a study's file must be"):
        load(tmp_path / "no name.yaml")


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_ours_are_right(path: Path) -> None:
    name, study = load(path)
    assert name == path.stem
    assert study.question.endswith("?")
