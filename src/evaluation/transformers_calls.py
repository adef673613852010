"""Calls of transformers with files of unknown origin: nothing but one line on what is wrong."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..common.errors import UserError
from ..common.visible import visible


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Turn whatever a call raises into a `UserError` of one line.

    Each file, format and missing library fails in its own way, some with long lists.

    Args:
        what: begins the line, and stands before the reason.
    """
    try:
        yield
    except MemoryError:
        raise
    except BaseException as error:
        # A panic of Rust's, in which tokenizers are written, is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        # One of this program's own says it better.
        if isinstance(error, UserError) and str(error).startswith(what.partition(": ")[0]):
            raise
        reason = visible(" ".join((str(error) or type(error).__name__).split()))
        raise UserError(f"{what}: {textwrap.shorten(reason, 300, placeholder=' ...')}") from None


@contextmanager
def quiet() -> Iterator[None]:
    """Without the bars, hints and reports that transformers prints."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def no_output() -> Iterator[None]:
    """Without what goes to stdout and stderr past Python, as the report of a panic of Rust's does.

    Rust's code of tokenizers also prints names from files as they are.
    """
    streams = {1: sys.stdout, 2: sys.stderr}
    for stream in streams.values():
        stream.flush()
    kept = {number: os.dup(number) for number in streams}
    with Path(os.devnull).open("wb") as null:
        for number in streams:
            os.dup2(null.fileno(), number)
    try:
        yield
    finally:
        for number, stream in streams.items():
            stream.flush()
            os.dup2(kept[number], number)
            os.close(kept[number])
