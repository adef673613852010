"""Commands that a process started end with it, and only then is its lock free."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from src.sweep.process_group import tethered

from ..conftest import ROOT

# Starts a shell that starts a sleeping process, and prints the ids of both.
OWNER = """
import os, sys
from pathlib import Path
from src.sweep.process_group import tethered
folder, lock = Path(sys.argv[1]), Path(sys.argv[2])
with tethered(folder, lock, lambda: print("waits", flush=True)) as call:
    tell = lambda line: print(line, end="", flush=True)
    call(["sh", "-c", "sleep 600 & echo $$ $!; wait"], folder, os.environ, tell)
"""


def test_what_it_started_dies_with_the_owner_and_frees_its_lock(tmp_path: Path) -> None:
    folder, lock = tmp_path / "place", tmp_path / "locks" / "lock"
    (folder / "deep").mkdir(parents=True)
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder), str(lock)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout
    with owner.stdout:
        started = [psutil.Process(int(word)) for word in owner.stdout.readline().split()]
        assert len(started) == 2
        with lock.open("a") as file:
            with pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # As Ray does where a node is lost: first the worker's children, then the worker.
            for child in psutil.Process(owner.pid).children():
                child.suspend()
            os.kill(owner.pid, signal.SIGKILL)
            owner.wait()
            fcntl.flock(file, fcntl.LOCK_EX)
    gone, alive = psutil.wait_procs(started, timeout=10)
    assert not alive
    assert len(gone) == 2
    assert not folder.exists()


def test_commands_end_with_the_block(tmp_path: Path) -> None:
    said: list[str] = []
    folder = tmp_path / "place"
    folder.mkdir()
    with tethered(folder, None, lambda: None) as call:
        # The sleeping process has no pipe open, so the call does not wait for it.
        script = "sleep 600 > /dev/null 2>&1 & echo $!; echo problem >&2; exit 3"
        assert call(["sh", "-c", script], folder, os.environ, said.append) == 3
        sleeper = psutil.Process(int(said[0]))
        assert said[1:] == ["problem\n"]
        assert call(["pwd"], folder, os.environ, said.append) == 0
        assert said[2:] == [f"{folder}\n"]
    assert not psutil.wait_procs([sleeper], timeout=10)[1]
    assert not folder.exists()


def test_the_next_owner_waits(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(tmp_path / "place"), str(lock)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        (tmp_path / "place").mkdir()
        assert waiting.stdout
        assert waiting.stdout.readline() == "waits\n"
        time.sleep(0.1)
        assert waiting.poll() is None
    assert len(waiting.stdout.readline().split()) == 2
    waiting.kill()
    waiting.communicate()
