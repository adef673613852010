"""Tasks of DVC's queue that were killed are found and marked, and those that live are not."""

import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ..clone import Clone, wait_for

pytestmark = pytest.mark.slow

REPAIR = ("python", "-m", "scripts.repair")
PIPELINE = """
stages:
  wait:
    cmd: echo began; while [ ! -e $DVC_ROOT/done ]; do sleep 0.1; done; echo made > made
    params: [training.seed]
    outs: [made]
"""


def processes(folder: Path) -> list[psutil.Process]:
    """Those at work in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    """A repository with a stage that ends once there is a file `done`."""
    clone = Clone(tmp_path)
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    clone.commit()
    yield clone
    for process in processes(tmp_path):
        process.kill()


def start(clone: Clone, *names: str) -> None:
    """Queue experiments, and start as many workers, until each runs its stage."""
    for seed, name in enumerate(names, start=1):
        clone("dvc", "exp", "run", "--queue", "--name", name, "-S", f"training.seed={seed}")
    # The workers would keep a pipe open.
    clone("sh", "-c", f"dvc queue start --jobs {len(names)} >/dev/null 2>&1")
    logs = clone.folder / ".dvc" / "tmp" / "exps" / "run"
    wait_for(lambda: sum("\nbegan\n" in p.read_text() for p in logs.glob("*/*.out")) == len(names))


def states(clone: Clone) -> dict[str, str]:
    """The state of each task, by name."""
    rows = re.findall(r"^[0-9a-f]{7} +(\w+) .* (\w+)$", clone("dvc", "queue", "status"), re.M)
    return dict(rows)


def parts(clone: Clone, name: str) -> tuple[psutil.Process, psutil.Process, psutil.Process]:
    """The worker of a task, DVC in the task's copy of the repository, and the stage."""
    listed = processes(clone.folder / ".dvc" / "tmp" / "exps")
    (stage,) = (
        each
        for each in listed
        if each.environ().get("DVC_EXP_NAME") == name and "echo began" in " ".join(each.cmdline())
    )
    chain = [stage, *stage.parents()]
    (worker,) = (each for each in chain if "queue-worker" in each.cmdline())
    return worker, chain[chain.index(worker) - 1], stage


def repair(clone: Clone) -> str:
    """What repair says; nothing, as long as the other worker is too busy to answer it."""
    return wait_for(lambda: clone(*REPAIR))


def test_a_task_whose_processes_were_killed_is_marked_as_failed(clone: Clone) -> None:
    start(clone, "one", "two")
    assert clone(*REPAIR) == ""
    worker, dvc, stage = parts(clone, "two")
    for process in (worker, dvc):
        process.kill()
    assert states(clone) == {"one": "Running", "two": "Running"}

    assert repair(clone) == (
        f"task two: process {stage.pid} runs it, and no worker waits for its result; "
        "end it, then make repair\n"
    )
    stage.kill()
    assert repair(clone) == "task two: its process is gone; marked as failed, to be queued again\n"
    assert states(clone) == {"one": "Running", "two": "Failed"}
    assert len(list((clone.folder / ".dvc" / "tmp" / "exps").glob("tmp*"))) == 1

    # As after any failure: its log is there, git keeps its commit, and it can be run again.
    assert "\nbegan\n" in clone("dvc", "queue", "logs", "two")
    kept = clone("git", "rev-parse", "refs/exps/celery/failed")[:7]
    assert re.search(rf"^{kept} +two ", clone("dvc", "queue", "status"), re.M)
    clone("dvc", "exp", "remove", "two")
    clone("dvc", "exp", "run", "--queue", "--name", "two", "-S", "training.seed=2")
    (clone.folder / "done").touch()
    assert "Ran experiment(s): " in clone("dvc", "exp", "run", "--run-all")
    assert states(clone) == {"one": "Success", "two": "Success"}


def test_a_task_whose_commit_git_has_removed_goes(clone: Clone) -> None:
    start(clone, "one")
    for process in parts(clone, "one"):
        process.kill()
    clone("git", "gc", "--quiet", "--prune=now")
    assert "Invalid commit" in clone("dvc", "queue", "status", code=255)
    assert clone(*REPAIR) == "task one: its process is gone; removed, to be queued again\n"
    assert states(clone) == {}
