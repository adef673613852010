"""Without flags, the page shows one finished experiment of each architecture, with its mistakes."""

import shutil
from pathlib import Path

import pytest

from ..clone import Clone
from .test_explorer import carried

pytestmark = pytest.mark.slow


def test_finished_experiments_are_shown_with_all_that_they_kept(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    said = clone("python", "-m", "src.explorer", code=2)
    assert said.startswith("error: no experiment of this commit")
    assert said.endswith("there is no models/best.ckpt either, which make repro trains\n")
    for name, *changes in (
        ("ablation", "model=gpt2", "models.gpt2.norm=rmsnorm"),
        ("gpt2-seed1", "model=gpt2", "training.seed=1", "evaluation.exhaustive=true"),
        ("llama2-seed0", "model=llama2", "training.snapshots=[0,20]"),
    ):
        flags = [part for change in changes for part in ("-S", change)]
        clone("dvc", "exp", "run", "--name", name, *flags)
        clone("git", "checkout", "--quiet", ".")
    said = clone("python", "-m", "src.explorer")
    assert said.startswith("explorer.html  ")
    assert said.endswith(" MB  gpt2-seed1, llama2-seed0\n")
    first, second = carried(tmp_path / "explorer.html")["models"]
    assert first["graded"] == 10_000
    clone("dvc", "exp", "apply", "gpt2-seed1")
    errors = (tmp_path / "metrics" / "errors.csv").read_text().splitlines()[1:]
    assert len(errors) > 100
    assert len(first["wrong"].splitlines()) == len(errors)
    assert (second["graded"], second["wrong"]) == (0, "")
    assert [each["step"] for each in second["weights"][:-1]] == [0, 20]

    # Whose weights are gone is named.
    shutil.rmtree(tmp_path / ".dvc" / "cache")
    *named, shown = clone("python", "-m", "src.explorer").splitlines()
    reason = "is left out: models/best.ckpt is not in DVC's cache; dvc exp pull brings it."
    assert named == [f"{name} {reason}" for name in ("gpt2-seed1", "llama2-seed0")]
    assert shown.endswith(" MB  models/best.ckpt")
    assert clone("python", "-m", "src.explorer", "--rev", "HEAD", code=2).startswith("error: gpt2-")
