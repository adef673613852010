"""Sets of problems as sorted keys, and which problems two splits share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..data.problems import Problems
from .space import ProblemSpace

Keys = NDArray[np.uint64]
Mask = NDArray[np.bool_]


class KeySet:
    """A growing set of integers in sorted arrays: 8 bytes each, 16 while two are merged.

    >>> keys = KeySet()
    >>> keys.add(np.array([2, 5], np.uint64))
    >>> len(keys), keys.contains(np.array([1, 2], np.uint64)).tolist()
    (2, [False, True])
    """

    def __init__(self) -> None:
        self.runs: list[Keys] = []

    def __len__(self) -> int:
        return sum(map(len, self.runs))

    def add(self, keys: Keys) -> None:
        """Add keys that are sorted and not there yet."""
        # Each run stays more than twice as long as the next: there are few of them, and a key is
        # merged a few times in its life.
        while self.runs and len(self.runs[-1]) <= 2 * len(keys):
            keys = np.concatenate([self.runs.pop(), keys])
            keys.sort(kind="stable")  # merges what is sorted in parts
        if len(keys):
            self.runs.append(keys)

    def contains(self, keys: Keys) -> Mask:
        """Which of some keys are in the set: (n,). Faster where they are sorted."""
        found = np.zeros(len(keys), bool)
        for run in self.runs:
            found |= _find(run, keys)[1]
        return found


class Overlap:
    """Counts the problems that splits share, while one split after the other is drawn.

    Args:
        space: that of the problems.
        splits: their names, in the order of drawing. The problems of all but the last are kept,
            in 40 bytes each.
    """

    def __init__(self, space: ProblemSpace, splits: Sequence[str]) -> None:
        self._space, self._splits = space, tuple(splits)
        # Each twice: by keys of problems as they are, and by keys that ignore the operands' order.
        self._parts: dict[tuple[str, bool], list[Keys]] = {}
        self._sorted: dict[tuple[str, bool], Keys] = {}
        self._found: dict[tuple[str, str, bool], Mask] = {}

    def add(self, split: str, problems: Problems) -> None:
        """Some problems of a split."""
        for unordered in (False, True):
            keys = self._space.keys(problems, unordered)
            ascending = np.sort(keys)  # found several times as fast
            for earlier in self._splits[: self._splits.index(split)]:
                found, known = self._table(earlier, split, unordered)
                place, hit = _find(known, ascending)
                found[place[hit]] = True
            if split != self._splits[-1]:
                self._parts.setdefault((split, unordered), []).append(keys)

    def shared(self, a: str, b: str) -> tuple[int, int]:
        """How many problems of a are in b, and how many others are in b with operands swapped.

        Args:
            a: one that was drawn before b.
        """
        masks = []
        for unordered in (False, True):
            found, known = self._table(a, b, unordered)
            parts = self._parts[a, unordered]
            masks.append(np.concatenate([found[_find(known, keys)[0]] for keys in parts]))
        same, alike = masks
        return int(same.sum()), int((alike & ~same).sum())

    def _table(self, earlier: str, later: str, unordered: bool) -> tuple[Mask, Keys]:
        """The keys of an earlier split, and which of them have been seen in a later one."""
        if (earlier, unordered) not in self._sorted:
            keys = np.unique(np.concatenate(self._parts[earlier, unordered]))
            self._sorted[earlier, unordered] = keys
        known = self._sorted[earlier, unordered]
        return self._found.setdefault(
            (earlier, later, unordered), np.zeros(len(known), bool)
        ), known


def _find(known: Keys, keys: Keys) -> tuple[NDArray[np.intp], Mask]:
    """The place of each key among sorted ones that are not empty, and whether it is there."""
    place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return place, known[place] == keys
