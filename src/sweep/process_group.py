"""Commands that end with the process that started them, however that ends.

A worker of a cluster may be killed at any moment, and what it started would train on: it would
hold the run's lock against the next attempt, and a GPU. A watching process of its own takes these
commands with it, their folder, and at last the lock.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

# It waits for its input to end, which the system sees to when the owner dies. It forks first: what
# a worker started itself, Ray kills along with the worker, and this must survive that moment, as it
# must a signal to the whole group. It leaves the group before it kills it. What dies may still
# write, so that removing takes turns.
_WATCH = """
import os, shutil, signal, sys, time
if os.fork():
    os._exit(0)
group, folder = os.getpgid(0), sys.argv[1]
for sent in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    signal.signal(sent, signal.SIG_IGN)
sys.stdin.read()
os.setpgid(0, 0)
try:
    os.killpg(group, signal.SIGKILL)
except ProcessLookupError:
    pass
for _ in range(50):
    shutil.rmtree(folder, ignore_errors=True)
    if not os.path.exists(folder):
        break
    time.sleep(0.1)
"""

Call = Callable[[list[str], Path, Mapping[str, str], Callable[[str], None]], int]


@contextmanager
def tethered(folder: Path, lock: Path | None, waiting: Callable[[], object]) -> Iterator[Call]:
    """What runs commands in one process group, none of which outlives this process or the block.

    Args:
        folder: where they work; it is removed after them.
        lock: a file that one owner at a time holds, all its commands included; any machine may.
        waiting: called once if another owner holds it.

    Yields:
        A function of a command, its folder, its environment and what takes each line that it
        says; it returns the exit code.
    """
    with ExitStack() as stack:
        held: tuple[int, ...] = ()
        if lock is not None:
            lock.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(lock.open("a"))
            _hold(file.fileno(), waiting)
            held = (file.fileno(),)
        watch = subprocess.Popen(
            # Nothing but Python itself: a few milliseconds.
            [sys.executable, "-I", "-S", "-c", _WATCH, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,
            # With the file open, it holds the lock until all is over.
            pass_fds=held,
        )
        assert watch.stdin
        assert watch.stdout
        watch.wait()  # for its fork
        try:
            yield lambda *words: _call(watch.pid, *words)
        finally:
            watch.stdin.close()
            # Ends when the one that it forked does.
            watch.stdout.read()
            watch.stdout.close()


def _hold(file: int, waiting: Callable[[], object]) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waiting()
        fcntl.flock(file, fcntl.LOCK_EX)


def _call(
    group: int,
    command: list[str],
    folder: Path,
    environment: Mapping[str, str],
    listen: Callable[[str], None],
) -> int:
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        # Nobody is there to answer.
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        process_group=group,
    )
    assert process.stdout
    with process.stdout:
        for line in process.stdout:
            listen(line)
    return process.wait()
