"""How every command begins and ends: exit code 0, or for a user's mistake one line and 2."""

from __future__ import annotations

import argparse
import difflib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

from ..common.errors import UserError
from .say import complain
from .stopping import end_at_once, stop_on_signals, stopped
from .streams import drop_unwritable, prepare_streams, reader_has_gone

# Top-level packages of this repository.
_OURS = ("src", "scripts", "benchmarks", "tests")
# torch on a CPU and on a GPU, cuBLAS, C++, the system's loader of libraries, Python's threads.
_NO_MEMORY = (
    *("can't allocate memory", "out of memory", "status_alloc_failed", "bad_alloc"),
    *("cannot allocate memory", "can't start new thread"),
)


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


def to_name(text: str) -> str:
    """The type of a flag whose value names something: anything but nothing.

    Raises:
        ArgumentTypeError: for an empty text.
    """
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def to_path(text: str) -> Path:
    """The type of a flag that names a file or a folder.

    >>> to_path("data/mine")
    PosixPath('data/mine')

    Raises:
        ArgumentTypeError: for an empty text, which Python takes for the working directory, and for
            what no file can be called.
    """
    to_name(text)
    try:
        encoded = os.fsencode(text)
    except UnicodeEncodeError:
        encoded = b"\0"
    if b"\0" in encoded:
        raise argparse.ArgumentTypeError(f"{text!r} is the name of no file")
    return Path(text)


def at_least(least: int, kind: Callable[[str], float]) -> Callable[[str], float]:
    """The type of a flag whose value is a number of some kind, such as int, and not too small."""

    def number(text: str) -> float:
        value = kind(text)
        if not value >= least:
            raise argparse.ArgumentTypeError(f"{text}: must be at least {least}")
        return value

    number.__name__ = "number"
    return number


def run(main: Callable[[], object]) -> NoReturn:
    """Run a command and end the process.

    A `UserError`, or an `OSError` such as a missing permission or a full disk, prints one line and
    has exit code 2, as has memory that the system does not give. Ctrl-C, SIGTERM and SIGHUP print
    one line and have 130, 143 and 129. Where the reader of the output, such as ``head``, has closed
    its pipe, nothing is printed and the code is 141. These codes are those of a shell. Any other
    exception is a bug and keeps its traceback. What goes to a closed stream is lost, and no error.
    """
    try:
        prepare_streams()
        stop_on_signals()
        try:
            main()
        finally:
            # A failure here becomes one line; one of Python's own flush at exit would not.
            sys.stdout.flush()
        if (asked := stopped()) and asked.sent is not signal.SIGINT:
            # Ctrl-C at a prompt may be a way to leave.
            raise asked
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
        drop_unwritable(stream)
    asked, code = stopped(), 2
    # An interrupt may have words of the command.
    cause = error if isinstance(error, KeyboardInterrupt) else asked or error
    # Lightning turns Ctrl-C into a SystemExit of its own, and rich a closed pipe.
    if type(cause) is SystemExit and isinstance(
        cause.__context__, KeyboardInterrupt | BrokenPipeError
    ):
        cause = cause.__context__
    match cause:
        case KeyboardInterrupt():
            end_at_once()
            message, code = str(cause) or "stopped", 128 + (asked.sent if asked else signal.SIGINT)
        case BrokenPipeError() if gone or cause is not error:
            sys.exit(128 + signal.SIGPIPE)
        case UserError():
            message = str(cause)
        case OSError():
            where = f"{cause.filename}: " if cause.filename else ""
            message = f"{where}{cause.strerror or cause}"
        case _ if _lacks_memory(cause):
            # Behind the first line, torch lists functions.
            words = str(cause).partition("\n")[0]
            message = f"not enough memory: {words}" if words else "not enough memory"
        case ModuleNotFoundError() if cause.name and cause.name.split(".")[0] not in _OURS:
            message = (
                f"{sys.executable} has no package {cause.name}: make install, "
                "then source .venv/bin/activate; make bench has what benchmarks need"
            )
        case _:
            return
    # Generators that were left half-way clean up now: while Python ends, they could not any more.
    traceback.clear_frames(error.__traceback__)
    with suppress(OSError):
        complain(message)
    drop_unwritable(sys.stderr)
    sys.exit(code)


def _lacks_memory(error: BaseException) -> bool:
    """Whether the system, or a GPU, gave a library no memory; each has words of its own for it."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError | ImportError) and any(words in said for words in _NO_MEMORY)
    )
