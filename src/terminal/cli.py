"""How every command ends: exit code 0, or one line on stderr and 2 for a user's mistake."""

from __future__ import annotations

import argparse
import os
import select
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import NoReturn, TextIO

from ..common.errors import UserError

_OURS = ("src", "scripts", "benchmarks", "tests")


class Parser(argparse.ArgumentParser):
    """Reports a wrong flag like any other mistake."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(
            prog=f"python -m {prog}",
            description=description,
            # A flag that is not given is absent from the result: params.yaml has its value.
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Instead of argparse's usage text and exit."""
        raise UserError(f"{message}; see {self.prog} --help")


def run(main: Callable[[], object]) -> NoReturn:
    """Run a command and end the process.

    A `UserError`, or an `OSError` such as a missing permission or a full disk, becomes one line
    and exit code 2. Ctrl-C is one line and 130; a reader that has gone, such as ``head``, is 141
    without a word, as a shell has both. Anything else is a mistake of ours and keeps its traceback.
    """
    try:
        try:
            main()
        finally:
            # Here a failure can be told; Python's own attempt, as it ends, would print noise.
            if sys.stdout:
                sys.stdout.flush()
    except BaseException as error:
        end(error)
        raise
    sys.exit(0)


def excepthook(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """End as `run` does where a command fails before it, while its modules are imported."""
    end(error)
    sys.__excepthook__(kind, error, trace)


def end(error: BaseException) -> None:
    """End the process as an error asks for it; return if that is a traceback.

    Raises:
        SystemExit: with the exit code.
    """
    gone = _reader_has_gone()
    for stream in (sys.stdout, sys.stderr):
        _drop_unwritable(stream)
    cause, code = error, 2
    # Lightning makes its own exit of Ctrl-C, and rich of a reader that has gone.
    if isinstance(error, SystemExit) and isinstance(
        error.__context__, KeyboardInterrupt | BrokenPipeError
    ):
        cause = error.__context__
    match cause:
        case KeyboardInterrupt():
            # Another one, while Python ends, is no traceback either.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            message, code = str(cause) or "stopped", 128 + signal.SIGINT
        case BrokenPipeError() if gone or cause is not error:
            sys.exit(128 + signal.SIGPIPE)
        case UserError():
            message = str(cause)
        case OSError():
            where = f"{cause.filename}: " if cause.filename else ""
            message = f"{where}{cause.strerror or cause}"
        case MemoryError():
            message = f"not enough memory: {cause}"
        case ModuleNotFoundError() if cause.name and cause.name.split(".")[0] not in _OURS:
            message = (
                f"{sys.executable} has no package {cause.name}: make install, "
                "then source .venv/bin/activate; make bench has what benchmarks need"
            )
        case _:
            return
    with suppress(BrokenPipeError):
        print("error:", " ".join(message.split()), file=sys.stderr)
    sys.exit(code)


def _reader_has_gone() -> bool:
    """Of stdout or stderr; a pipe to another process may break as well, and that is to be told."""
    poll = select.poll()
    for stream in (1, 2):
        poll.register(stream, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _drop_unwritable(stream: TextIO | None) -> None:
    """What a stream holds and cannot write, Python would try to write again as it ends."""
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
