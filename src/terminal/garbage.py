"""When Python looks for cyclic garbage: seldom, and not at its end."""

from __future__ import annotations

import atexit
import gc

# New objects between two searches. With Python's own 700 it searches a thousand times for garbage
# while it makes the 400,000 objects of PyTorch's and Lightning's modules, all of which stay.
_NEW_OBJECTS = 20_000


def collect_seldom() -> None:
    """Spare a command a quarter of the time that imports take, and most of its end.

    At its end Python searches all modules once more, for what ends with the process anyway.
    """
    gc.set_threshold(_NEW_OBJECTS)
    atexit.register(gc.freeze)
