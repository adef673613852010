"""How every command ends: exit code 0, or for a user's mistake one line on stderr and 2."""

from __future__ import annotations

import argparse
import difflib
import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, NoReturn, TextIO

from ..common.errors import UserError

# Top-level packages of this repository.
_OURS = ("src", "scripts", "benchmarks", "tests")


class Parser(argparse.ArgumentParser):
    """An argument parser that reports a wrong flag as a `UserError`."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(
            prog=f"python -m {prog}",
            description=description,
            # A flag that is not given is absent from the result, and params.yaml's value counts.
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
        )
        self._words: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does; `error` is to know the words."""
        self._words = sys.argv[1:] if args is None else args
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raise the error; argparse would print its usage and exit.

        Raises:
            UserError: always, with the flag that was probably meant by one that there is not.
        """
        flags = {_plain(flag): flag for flag in self._option_string_actions}
        for word in self._words:
            flag = word.partition("=")[0]
            if flag.startswith("-") and flag not in flags.values():
                for near in difflib.get_close_matches(_plain(flag), flags, n=1):
                    raise UserError(f"{flag}: unknown flag; did you mean {flags[near]}?")
        raise UserError(f"{message}; see {self.prog} --help")


def _plain(flag: str) -> str:
    """The name of a flag, whatever its hyphens.

    >>> _plain("--gpus-per-run")
    'gpus_per_run'
    """
    return flag.lstrip("-").replace("-", "_")


def run(main: Callable[[], object]) -> NoReturn:
    """Run a command and end the process.

    A `UserError`, or an `OSError` such as a missing permission or a full disk, prints one line and
    has exit code 2. Ctrl-C prints one line and has 130. Where the reader of the output, such as
    ``head``, has closed its pipe, nothing is printed and the code is 141. Both codes are those of
    a shell. Any other exception is a bug and keeps its traceback. What goes to a closed stream is
    lost, and no error.
    """
    try:
        _open_closed_streams()
        try:
            main()
        finally:
            # A failure here becomes one line; one of Python's own flush at exit would not.
            sys.stdout.flush()
    except BaseException as error:
        end(error)
        raise
    sys.exit(0)


def excepthook(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """A `sys.excepthook` that ends as `run` does, for errors before it: during imports."""
    end(error)
    sys.__excepthook__(kind, error, trace)


def end(error: BaseException) -> None:
    """Print one line for an error and end the process; return if a traceback is due.

    Raises:
        SystemExit: with the exit code.
    """
    gone = reader_has_gone()
    for stream in (sys.stdout, sys.stderr):
        _drop_unwritable(stream)
    cause, code = error, 2
    # Lightning turns Ctrl-C into a SystemExit of its own, and rich a closed pipe.
    if isinstance(error, SystemExit) and isinstance(
        error.__context__, KeyboardInterrupt | BrokenPipeError
    ):
        cause = error.__context__
    match cause:
        case KeyboardInterrupt():
            # A second Ctrl-C, while Python ends, ends it without a traceback.
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
    with suppress(OSError):
        print("error:", " ".join(message.split()), file=sys.stderr)
    _drop_unwritable(sys.stderr)
    sys.exit(code)


def _open_closed_streams() -> None:
    """Open the null device for each standard stream that is closed.

    Python has None for it, on which libraries stumble. Worse, the next file that is opened has its
    number, and what a library in C or another process prints would land in that file.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # It has the lowest number that is free.
            number = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


def reader_has_gone() -> bool:
    """Whether the pipe behind stdout or stderr is closed; other pipes may break as well."""
    poll = select.poll()
    for stream in (1, 2):
        poll.register(stream, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _drop_unwritable(stream: TextIO | None) -> None:
    """Discard what a stream cannot write, or Python would try again at exit, and report it."""
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
