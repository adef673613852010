"""Locks whose owners are gone are released, and those of living processes are not."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from scripts.stale_locks import release_git_locks

from ..clone import Clone, wait_for

REPAIR = ("python", "-m", "scripts.repair")
PIPELINE = """
stages:
  wait:
    cmd: while [ ! -e done ]; do sleep 0.1; done; cat number > made
    deps: [number]
    outs: [made]
"""


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A repository with one stage, which ends once there is a file `done`."""
    clone = Clone(tmp_path)
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "number").write_text("1")
    return clone


def held(rwlock: Path) -> bool:
    """Whether DVC has written into the file that some process holds something."""
    return rwlock.exists() and '"pid"' in rwlock.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("dvc", [("dvc",), ("python", "-m", "dvc")])
def test_a_killed_process_holds_nothing_and_a_living_one_all(
    dvc: tuple[str, ...], clone: Clone
) -> None:
    rwlock = clone.folder / ".dvc" / "tmp" / "rwlock"
    running = clone.start(*dvc, "repro")
    wait_for(lambda: held(rwlock))
    assert clone(*REPAIR) == ""
    # It may hold more meanwhile, or something else in a moment.
    wait_for(lambda: held(rwlock))
    os.killpg(running.pid, signal.SIGKILL)
    # As nobody has waited for it yet, the process is a zombie, and DVC takes it for alive.
    wait_for(lambda: "Z" in Path(f"/proc/{running.pid}/stat").read_text().split()[2])
    (clone.folder / "done").touch()
    assert "it is being blocked by" in clone(*dvc, "repro", code=255)
    said = clone(*REPAIR)
    assert said.startswith(f".dvc/tmp/rwlock: process {running.pid} (")
    assert said.endswith(" repro) is gone; released what it held\n")
    assert len(said.splitlines()) == 1
    clone(*dvc, "repro")
    running.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("program", ["another", "DVC, begun later"])
def test_an_id_that_is_another_processs_by_now_holds_nothing(program: str, clone: Clone) -> None:
    folder = clone.folder / ".dvc" / "tmp"
    (folder / "exps").mkdir(parents=True)
    command = f"{clone.folder}/.venv/bin/dvc repro"
    process = clone.start("sh", "-c", "sleep 60", *([command] if program != "another" else []))
    owner = {"pid": process.pid, "cmd": command}
    made = str(clone.folder / "made")
    (folder / "rwlock").write_text(json.dumps({"write": {made: owner}, "read": {made: [owner]}}))
    (folder / "exps" / "rwlock").write_text(json.dumps({"write": {"workspace": owner}}))
    (clone.folder / "done").touch()
    assert f"(PID {process.pid}): {command}" in clone("dvc", "repro", code=255)
    if program != "another":
        for name in ("rwlock", "exps/rwlock"):
            os.utime(folder / name, (time.time() - 3600,) * 2)
    assert clone(*REPAIR).splitlines() == [
        f".dvc/tmp/{name}: process {process.pid} ({command}) is gone; released what it held"
        for name in ("rwlock", "exps/rwlock")
    ]
    clone("dvc", "repro")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def git(folder: Path, *words: str) -> str:
    name = ("-c", "user.name=a", "-c", "user.email=b")
    return subprocess.run(
        ["git", *name, *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of git, where no lock has to be waited for."""
    monkeypatch.setattr("scripts.stale_locks.SETTLED", 0.2)
    git(tmp_path, "init", "--quiet")
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path


@pytest.mark.parametrize("name", ["index", "HEAD", "config", "packed-refs", "refs/exps/exec/HEAD"])
def test_a_lock_of_git_that_nobody_can_own_goes(name: str, repository: Path) -> None:
    lock = repository / ".git" / f"{name}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    (repository / "sub").mkdir()
    said = release_git_locks(repository / "sub")
    assert said == [f"../.git/{name}.lock: no git is at work here; removed"]
    assert not lock.exists()


def test_those_of_a_second_checkout_go_too(repository: Path) -> None:
    second = repository / "second"
    git(repository, "worktree", "add", "--quiet", str(second))
    folder = repository / ".git"
    locks = [folder / name for name in ("worktrees/second/index.lock", "config.lock")]
    for lock in locks:
        lock.touch()
    assert len(release_git_locks(second)) == 2
    assert not any(lock.exists() for lock in locks)


def test_one_that_a_process_has_open_or_writes_stays(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = repository / ".git" / "index.lock"
    with lock.open("w"):
        said = release_git_locks(repository)
    assert said == [f".git/index.lock: process {os.getpid()} may hold it; left alone"]
    # Somebody whom nobody sees writes it while we wait.
    monkeypatch.setattr(time, "sleep", lambda seconds: os.utime(lock))
    lock.touch()
    assert release_git_locks(repository) == []
    assert lock.exists()


def test_a_git_that_waits_for_an_editor_keeps_its_lock(repository: Path) -> None:
    (repository / "file").write_text("2")
    editor = "while [ ! -e closed ]; do sleep 0.1; done; echo text >"
    name = ("-c", "user.name=a", "-c", "user.email=b", "-c", f"core.editor={editor}")
    commit = subprocess.Popen(["git", *name, "commit", "--quiet", "--all"], cwd=repository)
    lock = repository / ".git" / "index.lock"
    wait_for(lock.exists)
    assert release_git_locks(repository) == [
        f".git/index.lock: process {commit.pid} may hold it; left alone"
    ]
    (repository / "closed").touch()
    assert commit.wait(timeout=60) == 0
    assert not lock.exists()
    assert git(repository, "log", "-1", "--format=%s") == "text\n"


def test_where_there_is_no_git_there_are_no_locks(tmp_path: Path) -> None:
    assert release_git_locks(tmp_path) == []
