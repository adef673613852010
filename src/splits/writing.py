"""Lines of splits computed by several processes, the same bytes with any number of them."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from ..common.errors import UserError
from ..data.formats import Format
from ..data.lines import to_lines
from .stratified import Strata

# Parts that each process may be ahead by: the memory does not grow with the data.
_AHEAD = 4

# Set in each process that computes.
_source: Strata
_format: Format


def lines_of(
    source: Strata, parts: Iterable[tuple[str, int, int]], written: Format, workers: int
) -> Iterator[bytes]:
    """The lines of each part, in the order of the parts.

    Args:
        parts: split, first row, last row (not included) of each.
        written: how problems become texts.
        workers: processes, beside this one.

    Raises:
        UserError: if one of them was ended.
    """
    waiting: deque[Future[bytes]] = deque()
    start = (source, written, os.getpid())
    with ProcessPoolExecutor(workers, initializer=_start, initargs=start) as pool:
        try:
            for part in parts:
                waiting.append(pool.submit(_text, *part))
                if len(waiting) > _AHEAD * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise UserError(
                "a process that computed rows was ended, perhaps for want of memory; "
                "runtime.num_workers = 0 computes them without others"
            ) from None
        finally:
            # Parts that nobody waits for any more, if the command was stopped.
            pool.shutdown(cancel_futures=True)


def _start(source: Strata, written: Format, parent: int) -> None:
    # Ctrl-C reaches all processes of a terminal, other signals often do: the first one ends the
    # others, and would wait for ever for one that ended before.
    for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sent, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    global _source, _format
    _source, _format = source, written


def _end_with(parent: int) -> None:
    """End this process when the first one has been killed: it would wait for work for ever."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _text(split: str, start: int, stop: int) -> bytes:
    return to_lines(*_format.texts(_source.rows(split, start, stop)))
