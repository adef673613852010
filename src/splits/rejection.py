"""Random problems without repetition: one that was drawn before is drawn again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from ..data.problems import Problems
from .overlap import KeySet, Overlap
from .space import ProblemSpace

# Draws at once. Another number would draw other problems. It does not depend on the size of the
# data, so that a smaller split is the beginning of a larger one.
DRAWS = 2**14
# Digits of all operands that are drawn at once: some dozen MB.
_DIGITS = 2**22
# Rounds in a row without anything new after which a space counts as used up.
_PATIENCE = 100


class Rejection:
    """The splits of any space.

    The same as drawing one problem at a time and rejecting those that were drawn before. Once
    fewer than one in ten draws is new, the rest is taken at random from a list of what is left,
    where that can be listed. Memory: 8 to 16 bytes a problem, and 40 for those of val and test.

    Args:
        space: where the problems are from.
        sizes: problems of each split, in the order in which the splits are drawn.
        balances: `length_balance` of each split.
        seed: of all random choices.
        unordered: a split takes its problems' swapped forms out of the later ones.
        of_last: further arguments of `ProblemSpace.draw` for the last split.
        both_orders: the last split has each of its problems as a+b and b+a, which count as one.
            Only of two operands, with `unordered` and operators that commute.
    """

    def __init__(
        self,
        space: ProblemSpace,
        sizes: Mapping[str, int],
        balances: Mapping[str, float],
        seed: int,
        unordered: bool = False,
        of_last: Mapping[str, Any] = MappingProxyType({}),
        both_orders: bool = False,
    ) -> None:
        self.space, self.unordered = space, unordered
        self._sizes, self._balances, self._seed = dict(sizes), dict(balances), seed
        digits = space.N * len(str(space.B))
        self._draws = max(1, min(DRAWS, _DIGITS // digits)) if space.is_large else DRAWS
        self._last, self._of_last, self._both_orders = list(sizes)[-1], of_last, both_orders
        self._seen = KeySet()
        self._closed = KeySet()
        self._overlap = Overlap(space, tuple(sizes))

    def chunks(self, split: str) -> Iterator[Problems]:
        """A split, some thousand problems at a time; call it for the splits in order.

        Raises:
            ValueError: if the space holds too few, with how many were found.
        """
        swapped = KeySet()
        for problems in self._draw(split):
            if self._counts_once(split):
                problems = in_both_orders(problems, self.space)
            self._overlap.add(split, problems)
            if self.unordered and split != self._last:
                keys = np.unique(self.space.keys(problems, unordered=True))
                swapped.add(keys[~swapped.contains(keys)])
            yield problems
        for run in swapped.runs:
            self._closed.add(run)

    def shared(self, a: str, b: str) -> tuple[int, int]:
        """How many problems of a are in b, and how many others are in b with operands swapped."""
        return self._overlap.shared(a, b)

    def _draw(self, split: str) -> Iterator[Problems]:
        rng = np.random.default_rng([self._seed, list(self._sizes).index(split)])
        missing, rounds_without = self._sizes[split], 0
        further, once = self._of_last if split == self._last else {}, self._counts_once(split)
        while missing:
            drawn = self.space.draw(self._draws, rng, self._balances[split], **further)
            fresh = self._unseen(drawn, missing, once)
            missing -= len(fresh)
            if len(fresh):
                yield fresh
            rounds_without = 0 if len(fresh) else rounds_without + 1
            if missing and 10 * len(fresh) <= len(drawn):
                every = self.space.enumerate()
                if every is not None:
                    rest = self._unseen(every[rng.permutation(len(every))], missing, once)
                    missing -= len(rest)
                    for start in range(0, len(rest), DRAWS):
                        yield rest[start : start + DRAWS]
                # Or too many to list them, yet many rounds in a row gave nothing new.
                if missing and (every is not None or rounds_without == _PATIENCE):
                    raise ValueError(f"only {len(self._seen)} different problems were found")

    def _counts_once(self, split: str) -> bool:
        """Whether a+b and b+a are one problem of a split."""
        return self._both_orders and split == self._last

    def _unseen(self, problems: Problems, n: int, once: bool) -> Problems:
        """The first n that were not drawn before, each once, in order; from now on they were.

        Args:
            once: swapped forms are the same problem, also of those of other splits.
        """
        keys, first = np.unique(self.space.keys(problems, once), return_index=True)
        # The closed keys are those of other splits: of a split whose problems count in any order,
        # they are its own too.
        known = self._closed if once else self._seen
        new = ~known.contains(keys)
        if len(self._closed) and not once:
            swapped = self.space.keys(problems[first], unordered=True)
            new &= ~self._closed.contains(swapped)
        if new.sum() > n:
            new &= first <= np.partition(first[new], n - 1)[n - 1]
        known.add(keys[new])
        fresh = problems[np.sort(first[new])]
        if once:
            self._seen.add(np.sort(self.space.keys(fresh)))
        return fresh


def in_both_orders(problems: Problems, space: ProblemSpace) -> Problems:
    """Each problem of two operands and, right behind it, its swapped form where that differs."""
    operands = problems.operands
    places = np.repeat(np.arange(len(problems)), 1 + (operands[:, 0] != operands[:, 1]))
    again = np.diff(places, prepend=-1) == 0
    rows = np.where(again[:, None], operands[places, ::-1], operands[places])
    made = Problems.of(rows, problems.operators[places], space.precedence)
    return made.reduced(space.modulus)
