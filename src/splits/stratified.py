"""Problems drawn without memory: each row of a split is computed from its row number alone.

A *stratum* is all problems with the same operators and the same lengths of their operands. It is a
product of ranges, so its problems can be numbered, and a bijection shuffles the numbers. First it
is decided how many problems of each stratum each split gets. Then test has the first of a stratum's
shuffled problems, val the next, train those behind. Another bijection shuffles a split's rows.
No problem needs to be remembered, and any range of rows can be computed on its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from ..data.permutation import Permutations
from ..data.problems import OPERATORS, Ints, Problems
from .large import length_weights
from .space import ProblemSpace

# Rows made at once: their columns stay in a core's cache.
CHUNK = 2**14
_MAX_STRATA = 2**12
# `shared` looks at all N! orders of the operands.
_MAX_OPERANDS = 5


def is_stratified(space: ProblemSpace) -> bool:
    """Whether `Strata` can draw from a space: only where there is no division.

    With it, the problems of a stratum are no product of ranges. Nor where int64 is too short.
    """
    if "/" in space.ops or space.N > _MAX_OPERANDS or space.is_large:
        return False
    n_strata = len(space.lengths()) ** space.N * len(space.ops) ** (space.N - 1)
    size = space.size()
    return n_strata <= _MAX_STRATA and size is not None and size < 2**62


class Strata:
    """The splits of a space without division.

    Each problem of the space is as likely in val and test as any other, and each stratum has its
    share there, up to one problem. Train takes `length_balance` of its problems evenly from all
    strata, or by `length_exponent`, and the others evenly from all problems that are left; what a
    stratum that is used up lacks, the other strata give.

    Args:
        space: one that `is_stratified`.
        sizes: problems of each split, in the order in which the splits are drawn.
        balances: `length_balance` of each split.
        seed: of all random choices.
        length_exponent: see `length_weights`.

    Raises:
        ValueError: if the space holds fewer problems, with how many it holds.
    """

    def __init__(
        self,
        space: ProblemSpace,
        sizes: Mapping[str, int],
        balances: Mapping[str, float],
        seed: int,
        length_exponent: float = 0.0,
    ) -> None:
        self.space = space
        lengths = space.lengths()
        operators = list(product(map(OPERATORS.index, space.ops), repeat=space.N - 1))
        ranges = list(product(range(len(lengths)), repeat=space.N))
        strata = [(op, lens) for op in operators for lens in ranges]
        self._operators = np.array([op for op, _ in strata])
        bounds = np.array([[lengths[length] for length in lens] for _, lens in strata])
        self._lows = bounds[..., 0]
        self._widths = bounds[..., 1] - bounds[..., 0] + 1
        left = [math.prod(widths) for widths in self._widths.tolist()]
        of_length = length_weights(lengths, length_exponent)
        weights = [math.prod(of_length[length] for length in lens) for _, lens in strata]
        self._shuffle = Permutations(left, [seed, len(sizes)])
        self._sizes = dict(sizes)
        self._order, self._ends, self._first, self._last = {}, {}, {}, {}
        first = np.zeros(len(left), np.uint64)
        for stream, (split, n) in enumerate(sizes.items()):
            balance = balances[split]
            # Without a balance, other weights would only round the strata's shares otherwise.
            by_length = weights if balance else None
            taken = allocated(n, left, balance, [seed, stream, 1], by_length)
            left = [have - take for have, take in zip(left, taken, strict=True)]
            counts = np.array(taken, np.uint64)
            self._ends[split] = np.cumsum(counts, dtype=np.uint64)
            self._first[split], self._last[split] = first, first + counts
            first = first + counts
            self._order[split] = Permutations([n], [seed, stream, 2])

    def chunks(self, split: str) -> Iterator[Problems]:
        """A split, some thousand problems at a time."""
        for start, stop in self.parts(split):
            yield self.rows(split, start, stop)

    def parts(self, split: str) -> Iterator[tuple[int, int]]:
        """First and last row (not included) of each chunk."""
        for start in range(0, self._sizes[split], CHUNK):
            yield start, min(start + CHUNK, self._sizes[split])

    def rows(self, split: str, start: int, stop: int) -> Problems:
        """Rows start .. stop of a split."""
        place = self._order[split](np.arange(start, stop))
        ends, first = self._ends[split], self._first[split]
        stratum = np.searchsorted(ends, place, side="right")
        begin = first - np.concatenate([np.zeros(1, np.uint64), ends[:-1]])
        number = self._shuffle(place + begin[stratum], stratum).astype(np.int64)
        operands = np.empty((len(number), self.space.N), np.int64)
        for j in range(self.space.N - 1, 0, -1):
            widths = self._widths[stratum, j]
            rest = number // widths
            operands[:, j] = number - rest * widths + self._lows[stratum, j]
            number = rest
        operands[:, 0] = number + self._lows[stratum, 0]
        made = Problems.of(operands, self._operators[stratum], self.space.precedence)
        return made.reduced(self.space.modulus)

    def holds(self, split: str, problems: Problems) -> NDArray[np.bool_]:
        """Which problems of the space are in a split: (n,)."""
        stratum, number = self._strata_and_numbers(problems)
        rank = self._shuffle.inverse(number, stratum)
        return (rank >= self._first[split][stratum]) & (rank < self._last[split][stratum])

    def shared(self, a: str, b: str) -> tuple[int, int]:
        """How many problems of a are in b, and how many others are in b with operands swapped."""
        identical = swapped = 0
        orders = list(permutations(range(self.space.N)))[1:]
        for problems in self.chunks(a):
            same = self.holds(b, problems)
            alike = np.zeros(len(problems), bool)
            for order in orders:
                # Its sums and terms are now wrong, but `holds` looks at neither.
                moved = replace(problems, operands=problems.operands[:, order])
                differs = (moved.operands != problems.operands).any(1)
                alike |= differs & self.holds(b, moved)
            identical += int(same.sum())
            swapped += int((alike & ~same).sum())
        return identical, swapped

    def _strata_and_numbers(self, problems: Problems) -> tuple[Ints, Ints]:
        """The stratum of each problem, and its number there before shuffling: the way back."""
        lengths = self.space.lengths()
        lows = np.array([low for low, _ in lengths])
        stratum = np.zeros(len(problems), np.int64)
        places = np.array([self.space.ops.find(op) for op in OPERATORS])
        for operators in problems.operators.T:
            stratum = stratum * len(self.space.ops) + places[operators]
        for operands in problems.operands.T:
            stratum = stratum * len(lows) + np.searchsorted(lows, operands, side="right") - 1
        number = np.zeros(len(problems), np.int64)
        for j, operands in enumerate(problems.operands.T):
            number = number * self._widths[stratum, j] + operands - self._lows[stratum, j]
        return stratum, number


def allocated(
    n: int,
    left: Sequence[int],
    balance: float,
    entropy: Sequence[int],
    weights: Sequence[int] | None = None,
) -> list[int]:
    """How many of n problems each stratum gives, never more than it has left.

    In whole numbers throughout, as floating point could differ between machines. A stratum gives
    its expected number rounded up or down, at random such that the expectation is exact: one
    random offset for all ("systematic sampling": Madow 1949, doi 10.1214/aoms/1177729988).

    Args:
        n: problems, of all strata together.
        left: problems that each stratum has.
        balance: share of the problems that is taken by the weights, whatever is left.
        entropy: of the random offset.
        weights: positive ones of the strata; None: equal ones.

    Raises:
        ValueError: if there are too few in all, with how many there are.
    """
    if n > sum(left):
        raise ValueError(f"only {sum(left)} different problems were found")
    even = Fraction(balance)
    of_strata = [
        weight if have else 0 for weight, have in zip(weights or [1] * len(left), left, strict=True)
    ]
    # Chances in proportion: even * weight / all weights + (1 - even) * left / all that are left.
    chances = [
        even.numerator * weight * sum(left)
        + (even.denominator - even.numerator) * have * sum(of_strata)
        for weight, have in zip(of_strata, left, strict=True)
    ]
    taken = [0] * len(left)
    open_ = sorted(
        (i for i, have in enumerate(left) if have), key=lambda i: Fraction(left[i], chances[i])
    )
    total = sum(chances)
    # The strata that are used up first give all they have; what they lack, the others give.
    while open_ and n * chances[open_[0]] >= left[open_[0]] * total:
        full = open_.pop(0)
        taken[full] = left[full]
        n -= left[full]
        total -= chances[full]
    if open_:
        generator = np.random.default_rng(list(entropy))
        offset = int.from_bytes(generator.bytes(64), "little") % total
        running = 0
        for i in sorted(open_):
            before = (n * running + offset) // total
            running += chances[i]
            taken[i] = (n * running + offset) // total - before
    return taken
