"""When Python looks for cyclic garbage: seldom, and not at its end."""

from __future__ import annotations

import atexit
import gc

# New objects between two searches. Python's own 700 make it search some hundred times for garbage
# among the half a million objects that PyTorch's and Lightning's modules consist of, and keep.
_NEW_OBJECTS = 20_000


def collect_seldom() -> None:
    """Spare a command a quarter of the time that imports take, and most of its end.

    At its end Python searches all modules once more, for what ends with the process anyway.
    """
    gc.set_threshold(_NEW_OBJECTS)
    atexit.register(gc.freeze)
