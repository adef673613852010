"""Files of DVC that a kill left half-written stop its commands until they are repaired."""

import json
import shutil
from copy import copy
from pathlib import Path

import pytest

from ..clone import Clone

pytestmark = pytest.mark.slow

PIPELINE = """
stages:
  generate:
    cmd: echo ran >> log; cat number > made
    deps: [number]
    outs: [made]
"""


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """One run that is committed, and one that is not."""
    folder = tmp_path_factory.mktemp("runs")
    clone = Clone(folder)
    (folder / "dvc.yaml").write_text(PIPELINE)
    for number in "12":
        (folder / "number").write_text(number)
        clone("dvc", "repro")
        if number == "1":
            clone.commit()
    return clone


@pytest.fixture
def clone(two_runs: Clone, tmp_path: Path) -> Clone:
    """A copy of the two runs, in a folder of its own to damage."""
    clone = copy(two_runs)
    clone.folder = shutil.copytree(two_runs.folder, tmp_path / "a b")
    return clone


@pytest.mark.parametrize(
    ("cut", "committed"),
    [("", True), ("schema: '2.0'\nstages:\n  generate:\n    cmd: ech\n    de", False)],
)
def test_a_lock_that_was_cut_off_comes_back_and_nothing_runs_again(
    cut: str, committed: bool, clone: Clone
) -> None:
    lock = clone.folder / "dvc.lock"
    whole = lock.read_text()
    if not committed:
        clone("git", "rm", "--quiet", "--cached", "dvc.lock")
        clone("git", "-c", "user.name=a", "-c", "user.email=b", "commit", "--quiet", "-m", "none")
    lock.write_text(cut)
    assert "dvc.lock' " in clone("dvc", "repro", code=255)
    said = clone("python", "-m", "scripts.repair")
    assert said.startswith("dvc.lock: was cut off; ")
    assert len(said.splitlines()) == 1
    assert lock.exists() == committed
    assert "Stage 'generate' is cached - skipping run" in clone("dvc", "repro")
    assert lock.read_text() == whole
    assert (clone.folder / "log").read_text() == "ran\nran\n"


@pytest.mark.parametrize("content", ["", '{"write": {"/da'])
def test_a_list_of_running_commands_that_was_cut_off_goes(content: str, clone: Clone) -> None:
    folder = clone.folder / ".dvc" / "tmp"
    assert json.loads((folder / "rwlock").read_text()) == {}
    (folder / "exps").mkdir()
    for name in ("rwlock", "exps/rwlock"):
        (folder / name).write_text(content)
    (clone.folder / "number").write_text("3")
    assert "JSON structure is corrupted" in clone("dvc", "repro", code=255)
    assert "JSON structure is corrupted" in clone("dvc", "exp", "run", code=255)
    assert clone("python", "-m", "scripts.repair").splitlines() == [
        ".dvc/tmp/rwlock: was cut off; removed",
        ".dvc/tmp/exps/rwlock: was cut off; removed",
    ]
    clone("dvc", "exp", "run")
    assert (clone.folder / "made").read_text() == "3"


@pytest.mark.parametrize("folder", ["in", "processed"])
def test_an_experiment_of_the_queue_that_was_cut_off_goes(folder: str, clone: Clone) -> None:
    queue = clone.folder / ".dvc" / "tmp" / "exps" / "celery" / "broker"
    clone("dvc", "exp", "run", "--queue", "--name", "one", "-S", "training.seed=1")
    (message,) = queue.glob("in/*")
    cut = message.rename(queue / folder / message.name)
    clone("dvc", "exp", "run", "--queue", "--name", "two", "-S", "training.seed=2")
    cut.write_bytes(cut.read_bytes()[:200])
    assert "unexpected error - Unterminated string" in clone("dvc", "queue", "status", code=255)
    said = clone("python", "-m", "scripts.repair")
    assert said == f"{cut.relative_to(clone.folder)}: was cut off; removed\n"
    status = clone("dvc", "queue", "status")
    assert " two " in status
    assert " one " not in status


def test_what_is_whole_or_somebodys_to_decide_stays(clone: Clone) -> None:
    lock = clone.folder / "dvc.lock"
    for content in (lock.read_text(), f"<<<<<<< ours\n{lock.read_text()}"):
        lock.write_text(content)
        assert clone("python", "-m", "scripts.repair") == ""
        assert lock.read_text() == content
    lock.unlink()
    assert clone("python", "-m", "scripts.repair") == ""
