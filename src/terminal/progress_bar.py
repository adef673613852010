"""Progress of what takes minutes: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

_Part = TypeVar("_Part")

# Seconds between two lines, where there is no bar.
LINES_APART = 60.0


class Bar:
    """A bar with the amount that is done, the time that is left, and a text.

    Args:
        title: a word for what is counted, in front of the bar.
        total: the amount at which the bar is full.
        done: the amount that was done before.
    """

    def __init__(self, title: str, total: int, done: int = 0) -> None:
        # Imported here, as most runs of a command draw no bar.
        from rich import progress

        self._progress = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=None),
            progress.TextColumn("{task.completed:,} of {task.total:,}"),
            progress.TimeRemainingColumn(),
            # Last, as a narrow terminal cuts off the end.
            progress.TextColumn("{task.fields[text]}"),
            expand=True,
            transient=True,
            # Drawing takes a millisecond, during which the training's Python waits.
            refresh_per_second=2,
        )
        self._task = self._progress.add_task(title, total=total, completed=done, text="")
        self._progress.start()

    def update(self, done: int, text: str = "") -> None:
        """Move the bar.

        Args:
            done: the amount that is done in all.
            text: replaces the text at the end; if empty, the last one stays.
        """
        self._progress.update(self._task, completed=done)
        if text:
            self._progress.update(self._task, text=text)

    def close(self) -> None:
        """Erase the bar; does nothing if it is closed already."""
        self._progress.stop()


def start_bar(title: str, total: int, wanted: bool, done: int = 0) -> Bar | None:
    """A bar, or None where it is not wanted or standard output is no terminal."""
    terminal = sys.stdout.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
    return Bar(title, total, done) if wanted and terminal else None


def track(
    parts: Iterable[_Part], title: str, total: int, wanted: bool, size: Callable[[_Part], int]
) -> Iterator[_Part]:
    """The parts, one by one, while a bar shows their progress, or a line each minute.

    Args:
        title, total: see `Bar`.
        wanted: whether to show anything.
        size: of a part, in the unit of `total`.
    """
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
                # Flushed, as a pipe collects lines until there are thousands of characters.
                print(f"{title} {done:,} of {total:,}  {left} left", flush=True)
                said = now
    finally:
        if bar:
            bar.close()


def duration(seconds: float) -> str:
    """A time in the unit that suits it.

    >>> [duration(s) for s in (7.2, 90, 2640, 9000)]
    ['7 s', '1.5 min', '44 min', '2.5 h']
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    value, unit = (seconds / 60, "min") if seconds < 3600 else (seconds / 3600, "h")
    return f"{value:.{int(value < 10)}f} {unit}"
