"""Standard streams that are closed, that nobody reads, or that cannot hold a character."""

from __future__ import annotations

import io
import os
import select
import sys
from typing import TextIO


def prepare_streams() -> None:
    """Open the null device for each standard stream that is closed, and print any text.

    Python has None for a closed stream, on which libraries stumble; what is printed to None lands
    on standard output. Worse, the next file that is opened has its number, and what a library in C
    or another process prints would land in that file.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # It has the lowest number that is free.
            number = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        # As Python has it for stderr: a path or an answer may hold what the terminal's encoding
        # has not.
        sys.stdout.reconfigure(errors="backslashreplace")


def reader_has_gone() -> bool:
    """Whether the pipe behind stdout or stderr is closed; other pipes may break as well."""
    poll = select.poll()
    for stream in (1, 2):
        poll.register(stream, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def drop_unwritable(stream: TextIO) -> None:
    """Discard what a stream cannot write, or Python would try again at exit, and report it."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
