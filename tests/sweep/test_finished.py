"""An experiment of a run's name counts only if it is what the run would make."""

from copy import deepcopy
from pathlib import Path

from src.sweep.finished import difference
from src.sweep.grid import Run
from src.sweep.repository import changed, head

from .conftest import PARAMS, commit_of, git, lock_of

RUN = Run("gpt2-seed0", (), {**PARAMS, "models": {"gpt2": {}}})


def test_the_same_parameters_are_the_same_run_whatever_the_runtime(repository: Path) -> None:
    commit, lock = head(), lock_of(PARAMS)
    done = commit_of(repository, dvc_lock=lock, params_yaml="other: layout", README_md="second")
    assert difference(RUN, done, commit) == ""


def test_what_differs_is_named(repository: Path) -> None:
    commit, params = head(), deepcopy(PARAMS)
    params["evaluation"] = {"n_samples": 8}
    other = commit_of(repository, dvc_lock=lock_of(params))
    assert difference(RUN, other, commit) == "with other parameters, evaluation.n_samples=8"
    params["evaluation"] = {"n_samples": 9, "was": {"there": 1}}
    other = commit_of(repository, dvc_lock=lock_of(params))
    assert difference(RUN, other, commit) == "with other parameters, evaluation.was.there=1"
    assert difference(RUN, commit_of(repository, dvc_lock="stages: {}"), commit) == "unfinished"
    assert difference(RUN, commit_of(repository, README_md="2"), commit) == "unfinished"
    # Trained, and the model before that was graded.
    other = commit_of(repository, dvc_lock=lock_of(PARAMS, graded="a"))
    assert difference(RUN, other, commit) == "unfinished"
    other = commit_of(repository, dvc_lock=lock_of(PARAMS), code="second")
    assert difference(RUN, other, commit) == "with another code"


def test_only_what_a_run_reads_is_a_change(repository: Path) -> None:
    commit = head()
    (repository / "README.md").write_text("second")
    (repository / "new").write_text("nobody reads it")
    git(repository, "add", "--all")
    assert changed(commit) == []
    for name in ("code", "params.yaml", ".dvc/config", "dvc.lock"):
        (repository / name).write_text("second: 2")
    git(repository, "add", "--all")
    (repository / "dvc.yaml").unlink()
    assert changed(commit) == [".dvc/config", "code", "dvc.lock", "dvc.yaml", "params.yaml"]
