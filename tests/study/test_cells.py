"""The runs of a study: all combinations, named, and known by their settings."""

from pathlib import Path
from typing import Any

import pytest

from src.common.errors import UserError
from src.params import PARAMS_FILE, load_params
from src.study.cells import cells, rounds, settings_of
from src.study.file import Study, load
from src.sweep.grid import applied

from .test_file import STUDIES

TEXT = PARAMS_FILE.read_text()


def made(content: dict[str, Any]) -> list[Any]:
    without: dict[str, Any] = {"charts": [], "published": []}
    return cells("mine", Study.model_validate(content | without), TEXT)


def test_each_combination_runs_with_each_seed(content: dict[str, Any]) -> None:
    found = made(content)
    assert len(found) == len({cell.run.name for cell in found}) == 8
    first = found[0]
    assert first.place == {"data.format": "plain", "steps": "20"}
    assert first.run.name == f"mine-plain-20-seed0-{first.settings[:6]}"
    assert first.run.overrides == (
        "models.llama2.dropout=0.1",
        "data.n_samples=300",
        "training.warmup_steps=5",
        "data.format='plain'",
        "training.max_steps=20",
        "training.seed=0",
        "data.seed=0",
    )
    assert first.run.params["models"]["llama2"]["dropout"] == 0.1
    assert {(cell.run.params["data"]["seed"], cell.seed) for cell in found} == {(0, 0), (1, 1)}


def test_some_runs_have_more_seeds(content: dict[str, Any]) -> None:
    more = [
        {"where": {"steps": 30, "data.format": ["plain"]}, "seeds": [1, 7]},
        {"where": {"data.format": "plain"}, "seeds": [9]},
    ]
    found = made(content | {"more_seeds": more})
    seeds: dict[tuple[str, ...], list[int]] = {}
    for cell in found:
        seeds.setdefault(tuple(cell.place.values()), []).append(cell.seed)
    assert seeds == {
        ("plain", "20"): [0, 1, 9],
        ("plain", "30"): [0, 1, 7, 9],
        ("reverse", "20"): [0, 1],
        ("reverse", "30"): [0, 1],
    }
    small = Study.model_validate(content | {"more_seeds": more}).small()
    assert small.more_seeds == []


def test_settings_are_known_whatever_says_them(content: dict[str, Any]) -> None:
    known = {cell.settings for cell in made(content)}
    content["base"]["models.*.d_ff"] = load_params().models["llama2"].d_ff
    content["axes"]["steps"][30] = {"training.max_steps": load_params().training.max_steps}
    assert {cell.settings for cell in made(content)} == known
    # What changes no result is none of them.
    assert settings_of(applied(TEXT, ["runtime.progress=false"])) == settings_of(applied(TEXT, []))
    assert settings_of(applied(TEXT, ["evaluation.exhaustive=true"])) != settings_of(
        applied(TEXT, [])
    )


def test_what_is_trained_once_is_not_trained_twice_at_a_time(content: dict[str, Any]) -> None:
    axis = {"all": {"evaluation.exhaustive": True}, "test": {}}
    found = made(content | {"axes": {"graded": axis, "data.format": ["plain", "reverse"]}})
    first, second = rounds(found)
    assert first + second == found
    assert [cell.place["graded"] for cell in found] == ["all"] * 4 + ["test"] * 4
    assert rounds(second) == [second]


def test_a_key_of_any_model_is_of_the_one_in_use(content: dict[str, Any]) -> None:
    found = made(content | {"axes": {"model": ["gpt2", "mixtral"]}})
    assert [cell.run.params["models"]["gpt2"]["dropout"] for cell in found] == [0.1, 0.1, 0, 0]
    assert [cell.run.params["models"]["mixtral"]["dropout"] for cell in found] == [0, 0, 0.1, 0.1]


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ({"data.formt": ["plain"]}, "data.formt='plain': unknown key; did you mean data.format?"),
        (
            {"models.lama2.d_ff": [8]},
            "models.lama2.d_ff=8: unknown key; did you mean models.llama2?",
        ),
        ({"data.format": ["plane"]}, "data.format = 'plane': must be 'plain'"),
        ({"data.B": [-1]}, "data.B = -1: must be greater than or equal to 0"),
        ({"steps": {"a": {}, "b": {}}}, "axes: steps=b and steps=a are the same runs"),
    ],
)
def test_what_params_does_not_allow_is_refused(
    content: dict[str, Any], axes: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError) as raised:
        made(content | {"axes": axes})
    assert str(raised.value).startswith(said)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_ours_can_be_run(path: Path) -> None:
    name, study = load(path)
    assert cells(name, study, TEXT)
    small = cells(name, study.small(), TEXT)
    assert len(small) < 13
    # What DVC makes of the same changes.
    assert all(cell.run.params == applied(TEXT, [*cell.run.overrides]) for cell in small)


def test_a_section_that_became_a_value_is_named(content: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"data\.seed=0: data is no section any more"):
        made(content | {"axes": {"data": ["plain"]}})
