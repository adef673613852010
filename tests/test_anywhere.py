"""The pipeline leaves the same bytes in any clone, environment and locale."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .clone import Clone

# Hash seeds decide the order of sets; 2 is -OO, without assert and docstrings.
ENVIRONMENTS = {
    "as usual": {"PYTHONHASHSEED": "1"},
    "C": {"PYTHONHASHSEED": "2", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "-OO": {"PYTHONHASHSEED": "3", "PYTHONOPTIMIZE": "2"},
}


def results(folder: Path) -> dict[str, bytes]:
    """All that the stages write."""
    found = [p for place in ("data", "models", "metrics") for p in (folder / place).rglob("*")]
    return {str(p.relative_to(folder)): p.read_bytes() for p in found if p.is_file()}


def repro(folder: Path, environment: dict[str, str]) -> dict[str, bytes]:
    """What ``dvc repro`` leaves in a folder."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["dvc", "repro"],
        cwd=folder,
        env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return results(folder)


@pytest.mark.slow
def test_the_bytes_are_the_same_in_any_clone_and_environment(tmp_path: Path) -> None:
    clone = Clone(tmp_path / "first")
    shallow, worktree = tmp_path / "a b", tmp_path / "tree"
    clone("git", "clone", "--quiet", "--depth", "1", f"file://{clone.folder}", str(shallow))
    clone("git", "worktree", "add", "--quiet", str(worktree))
    known = repro(clone.folder, ENVIRONMENTS["as usual"])
    assert len(known) > 20
    assert repro(shallow, ENVIRONMENTS["C"]) == known
    assert repro(worktree, ENVIRONMENTS["-OO"]) == known
