"""Progress bars for what takes minutes, on a terminal only."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

_Part = TypeVar("_Part")


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
    """The parts, while a bar moves on by the size of each."""
    bar = start_bar(title, total, wanted)
    done = 0
    try:
        for part in parts:
            yield part
            done += size(part)
            if bar:
                bar.update(done)
    finally:
        if bar:
            bar.close()
