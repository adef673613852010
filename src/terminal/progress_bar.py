"""How far what takes minutes has come: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

_Part = TypeVar("_Part")

# Seconds between two lines where there is no bar.
LINES_APART = 60.0


class Bar:
    """A bar with how much is done, how long the rest takes, and a text.

    Args:
        title: what is being done.
        total: how much there is to do.
        done: how much of it was done before.
    """

    def __init__(self, title: str, total: int, done: int = 0) -> None:
        # rich: bars. Imported here, as most runs of a command draw none.
        from rich import progress

        self._progress = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=None),
            progress.TextColumn("{task.completed:,} of {task.total:,}"),
            progress.TimeRemainingColumn(),
            # Last: in a narrow terminal, what is cut off is its end.
            progress.TextColumn("{task.fields[text]}"),
            expand=True,
            transient=True,
            # Drawing takes a millisecond, in which nothing else of Python runs.
            refresh_per_second=2,
        )
        self._task = self._progress.add_task(title, total=total, completed=done, text="")
        self._progress.start()

    def update(self, done: int, text: str = "") -> None:
        """Move to what is done in all; a text stays until the next one."""
        self._progress.update(self._task, completed=done)
        if text:
            self._progress.update(self._task, text=text)

    def close(self) -> None:
        """Wipe the bar off; again does no harm."""
        self._progress.stop()


def start_bar(title: str, total: int, wanted: bool, done: int = 0) -> Bar | None:
    """A bar, or None where it is not wanted or standard output is no terminal."""
    terminal = sys.stdout.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
    return Bar(title, total, done) if wanted and terminal else None


def track(
    parts: Iterable[_Part], title: str, total: int, wanted: bool, size: Callable[[_Part], int]
) -> Iterator[_Part]:
    """The parts, while a bar moves on by the size of each; without a terminal, a line a minute."""
    bar = start_bar(title, total, wanted)
    done, began = 0, time.monotonic()
    said = began
    try:
        for part in parts:
            yield part
            done += size(part)
            now = time.monotonic()
            if bar:
                bar.update(done)
            elif wanted and now - said > LINES_APART:
                left = duration((now - began) / done * (total - done))
                # A pipe would keep the lines back until there are some thousand characters.
                print(f"{title} {done:,} of {total:,}  {left} left", flush=True)
                said = now
    finally:
        if bar:
            bar.close()


def duration(seconds: float) -> str:
    """Two digits or so of a time.

    >>> [duration(s) for s in (7.2, 90, 2640, 9000)]
    ['7 s', '1.5 min', '44.0 min', '2.5 h']
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
