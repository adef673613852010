"""Commands that end when the process that started them ends, whatever ended it.

A worker of a cluster may be killed at any moment. The commands that it started would go on, and
keep a GPU and the run's lock from the next attempt. So a watcher, a process of its own, waits for
the worker's death; then it kills the commands, removes their folder and lets go of the lock.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

# The watcher reads its standard input, which ends when the owner dies. It forks first, as Ray kills
# a worker's own children together with the worker, and ignores signals to the whole group. It
# leaves the group before it kills it. Dying commands may still write files, hence several attempts
# at removing the folder.
_WATCHER = """
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
    """A function that runs commands, none of which outlives this process or the ``with`` block.

    Args:
        folder: of the commands' files; removed once all of them have ended.
        lock: a file that this process and its commands hold until all of them have ended. Where
            another process holds it, on any machine that shares the file, this one waits.
        waiting: called once if it has to wait.

    Yields:
        A function of a command, its working directory, its environment and a callback for each
        line of its output; it returns the exit code.
    """
    with ExitStack() as stack:
        held: tuple[int, ...] = ()
        if lock is not None:
            lock.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(lock.open("a"))
            _lock(file.fileno(), waiting)
            held = (file.fileno(),)
        watcher = subprocess.Popen(
            # Isolated and without site-packages, Python starts in a few milliseconds.
            [sys.executable, "-I", "-S", "-c", _WATCHER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,
            # The lock is held as long as any process has the file open.
            pass_fds=held,
        )
        assert watcher.stdin
        assert watcher.stdout
        watcher.wait()  # until it has forked
        try:
            yield lambda *words: _call(watcher.pid, *words)
        finally:
            watcher.stdin.close()
            # Until the fork has ended.
            watcher.stdout.read()
            watcher.stdout.close()


def _lock(file: int, waiting: Callable[[], object]) -> None:
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
        # Nobody could answer a question.
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
