"""All problems of a space, divided so that swapped problems are always in the same split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ..data.problems import Ints, Problems
from .rejection import DRAWS, Rejection
from .space import ProblemSpace


class Whole(Rejection):
    """The splits of a space of which every problem is taken, with `unordered` ones together.

    Drawn one by one as by `Rejection`, most problems would close a split to their swapped forms
    before they are taken. Here whole groups are drawn, such as 1+2 and 2+1, or 3+3 alone: each is
    as likely in a split as any other, but for the last places, which go to a group that fits.

    Args:
        space: that of the problems.
        every: all of them, see `ProblemSpace.enumerate`.
        sizes: problems of each split, all of the space together, in the order of drawing.
        seed: of all random choices.

    Raises:
        ValueError: where the groups do not add up to the sizes.
    """

    def __init__(
        self, space: ProblemSpace, every: Problems, sizes: Mapping[str, int], seed: int
    ) -> None:
        super().__init__(space, sizes, dict.fromkeys(sizes, 0.0), seed, unordered=True)
        self._every = every
        keys = space.keys(every, unordered=True)
        _, group, counts = np.unique(keys, return_inverse=True, return_counts=True)
        rng = np.random.default_rng([seed, len(sizes)])
        order = rng.permutation(len(counts))
        try:
            chosen = _divided(counts, order, sizes)
        except ValueError:
            # A large split may have left no group for a small one: small ones first.
            by_size = dict(sorted(sizes.items(), key=lambda item: item[1]))
            chosen = _divided(counts, order, by_size)
        self._rows = {
            split: rng.permutation(np.flatnonzero(np.isin(group, chosen[split]))) for split in sizes
        }

    def _draw(self, split: str) -> Iterator[Problems]:
        rows = self._rows[split]
        for start in range(0, len(rows), DRAWS):
            yield self._every[rows[start : start + DRAWS]]


def _divided(counts: Ints, order: Ints, sizes: Mapping[str, int]) -> dict[str, Ints]:
    """The groups of each split, which takes them in this order.

    Raises:
        ValueError: see `_fitting`.
    """
    chosen, left = {}, order
    for split, n in sizes.items():
        places = _fitting(counts[left], n)
        chosen[split], left = left[places], np.delete(left, places)
    return chosen


def _fitting(counts: Ints, n: int) -> Ints:
    """Indices of counts that sum to n: the first ones, and behind them each that still fits.

    >>> _fitting(np.array([2, 2, 2, 1, 1]), 5).tolist()
    [0, 1, 3]

    Raises:
        ValueError: where none do.
    """
    first = int(np.searchsorted(np.cumsum(counts), n, side="right"))
    chosen, missing = list(range(first)), n - int(counts[:first].sum())
    for place in range(first, len(counts)):
        if not missing:
            break
        if counts[place] <= missing:
            chosen.append(place)
            missing -= int(counts[place])
    if missing:
        raise ValueError(f"no {n} problems are in whole groups that differ in operands' order only")
    return np.array(chosen, np.int64)
