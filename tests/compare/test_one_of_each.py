"""Of finished experiments one of each architecture is opened, or else the pipeline's model."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from src.common.errors import UserError
from src.compare import one_of_each
from src.compare.commits import MissingFileError
from src.compare.comparison import Comparison
from src.compare.experiments import Experiment
from src.compare.grouping import data_sets
from src.compare.one_of_each import models_of

from .test_grouping import DEFAULTS, experiment

LOST = "models/best.ckpt is not in DVC's cache"


def opened(run: Experiment) -> str:
    if run.architecture == "gpt2":
        raise MissingFileError(LOST)
    return run.name


def asked(paths: Sequence[Path] = (), revs: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    return models_of(paths, revs, str, opened)


@pytest.fixture
def none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No experiment has finished, and the working directory is empty."""

    def load(revs: Sequence[str]) -> Comparison:
        raise UserError("no experiment of this commit.")

    monkeypatch.setattr(one_of_each, "load", load)
    monkeypatch.chdir(tmp_path)


def test_of_each_architecture_the_lowest_seed_of_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [
        *(experiment(f"llama2-{seed}", seed) for seed in (2, 1)),
        # A changed norm is no default, whatever its seed.
        experiment("llama2-0", 0, models={"norm": "layernorm"}),
        experiment("gpt2-1", 1),
        dataclasses.replace(experiment("mixtral-0"), folder=tmp_path),
    ]
    found = Comparison(["1" * 40], data_sets(runs, DEFAULTS), [])
    monkeypatch.setattr(one_of_each, "load", lambda revs: found)
    assert asked() == (["llama2-1"], [f"gpt2-1 is left out: {LOST}."])


def test_what_is_named_is_opened_once(none: None) -> None:
    assert asked([Path("a"), Path("b"), Path("a")]) == (["a", "b"], [])


def test_without_experiments_it_is_the_pipelines_model(none: None) -> None:
    with pytest.raises(UserError, match=r"of this commit; there is no models/best.ckpt either"):
        asked()
    Path("models").mkdir()
    Path("models/best.ckpt").touch()
    assert asked() == (["models/best.ckpt"], ["no experiment of this commit."])
    with pytest.raises(UserError, match=r"no experiment of this commit$"):
        asked(revs=["HEAD"])
