"""One input given to a reader, and what became of it."""

from __future__ import annotations

import io
import re
import resource
import signal
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.terminal.cli import end

from .reader import Reader, WrongError

READ, REFUSED = "read", "refused"
UNCAUGHT, HANG, MEMORY = "uncaught", "hang", "memory"
WRONG, MESSAGE = "wrong acceptance", "bad message"
FAILURES = (UNCAUGHT, HANG, MEMORY, WRONG, MESSAGE)

# Bytes beyond those in use before; inputs are of kilobytes, or of a few megabytes.
ROOM = 256 * 2**20
# Characters of a line on stderr.
LONGEST = 2100
_OUT_OF_MEMORY = re.compile("can't allocate memory|not enough memory|bad_alloc|Unable to allocate")


class Hang(BaseException):
    """Raised in whatever runs too long; not to be caught as an Exception."""


@dataclass(frozen=True)
class Outcome:
    """What became of an input.

    Attributes:
        kind: `READ`, `REFUSED` or one of `FAILURES`.
        what: of a failure, its kind in a line: the same for inputs that fail alike.
        trace: of a failure, the traceback or the message.
    """

    kind: str
    what: str = ""
    trace: str = ""


def limit_memory() -> None:
    """Let a process that asks for gigabytes have none, instead of the whole machine."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (status("VmSize") + 8 * ROOM, most))


def outcome(reader: Reader, path: Path, valid: bytes, seconds: float) -> Outcome:
    """Read a file, and judge what came of it.

    Args:
        valid: the content that it was made from.
        seconds: of the processor, whatever else the machine does; more is a hang.
    """
    before, started = status("VmSize"), time.process_time()
    peak = status("VmPeak")
    out, err = io.StringIO(), io.StringIO()
    found = _outcome(reader, path, valid, seconds, out, err)
    if found.kind == HANG:
        return found
    if (taken := time.process_time() - started) > seconds:
        return Outcome(HANG, "slow, and not to be interrupted", f"{taken:.1f} s")
    asked = status("VmPeak")
    if asked > peak and asked - before > ROOM:
        return Outcome(MEMORY, f"{found.kind}, but it took hundreds of MB", f"{asked - before:,}")
    if found.kind in (READ, REFUSED):
        text = err.getvalue()
        if flaw := _flaw(text, path, reader.named and found.kind == REFUSED):
            return Outcome(MESSAGE, flaw, repr(text))
        if not all(line.isprintable() for line in out.getvalue().split("\n")):
            return Outcome(MESSAGE, "raw control characters on stdout", repr(out.getvalue()))
    return found


def _outcome(
    reader: Reader, path: Path, valid: bytes, seconds: float, out: io.StringIO, err: io.StringIO
) -> Outcome:
    """Without a look at the time, the memory and what was printed."""
    try:
        with redirect_stdout(out), redirect_stderr(err), _interrupted_after(seconds):
            reader.judge(path, valid, reader.read(path))
    except Hang as error:
        return Outcome(HANG, f"in {_place(error)}", _trace(error))
    except WrongError as error:
        return Outcome(WRONG, str(error), str(error))
    except SystemExit as error:
        # All that is wrong was told line by line.
        return Outcome(REFUSED) if error.code == 2 else Outcome(UNCAUGHT, repr(error))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        what = f"{type(error).__name__} in {_place(error)}: {_shortened(str(error))}"
        if _is_out_of_memory(error):
            return Outcome(MEMORY, what, _trace(error))
        with redirect_stdout(out), redirect_stderr(err), suppress(SystemExit):
            end(error)
            return Outcome(UNCAUGHT, what, _trace(error))
        return Outcome(REFUSED)
    return Outcome(READ)


@contextmanager
def _interrupted_after(seconds: float) -> Iterator[None]:
    def interrupt(number: int, frame: Any) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, interrupt)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _flaw(text: str, path: Path, named: bool) -> str:
    """What is wrong with what stands on stderr; empty if nothing is."""
    lines = text.removesuffix("\n").split("\n") if text else []
    for line in lines:
        if not line.startswith("error: "):
            return f"not a line of ours: {_shortened(re.sub('.*/', '', line))}"
        if not line.isprintable():
            return "raw control characters on stderr"
        if len(line) > LONGEST:
            return f"more than {LONGEST} characters"
    if named and not all(str(path.parent) in line for line in lines):
        return f"the file is not named: {_shortened(text)}"
    return ""


def _is_out_of_memory(error: BaseException | None) -> bool:
    """Whether memory was the reason, or the reason of the reason."""
    while error is not None:
        if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _place(error: BaseException) -> str:
    """The last line of ours in a traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/src/" in frame.filename] or frames
    file = ours[-1].filename.rpartition("/src/")[2]
    return f"{file}:{ours[-1].lineno}"


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _shortened(text: str) -> str:
    """The beginning of a text, on one line; numbers left out, so that like texts are equal."""
    text = re.sub(r"/[^ :]*/", "", re.sub(r"[0-9]+", "0", text))
    return ascii(text[:80])[1:-1]


def status(key: str) -> int:
    """An entry of Linux's /proc/self/status, in bytes."""
    with open("/proc/self/status", "rb") as file:  # noqa: PTH123 - for each input, so quick
        content = file.read()
    start = content.index(key.encode()) + len(key) + 1
    return int(content[start : content.index(b"kB", start)]) * 1024
