"""Random problems without repetition: one that was drawn before is drawn again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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
        carry_mix: of the last split, see `ProblemSpace.draw`.
    """

    def __init__(
        self,
        space: ProblemSpace,
        sizes: Mapping[str, int],
        balances: Mapping[str, float],
        seed: int,
        unordered: bool = False,
        carry_mix: float = 0.0,
    ) -> None:
        self.space, self.unordered = space, unordered
        self._sizes, self._balances, self._seed = dict(sizes), dict(balances), seed
        digits = space.N * len(str(space.B))
        self._draws = max(1, min(DRAWS, _DIGITS // digits)) if space.is_large else DRAWS
        self._mixes = dict.fromkeys(sizes, 0.0) | {list(sizes)[-1]: carry_mix}
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
            self._overlap.add(split, problems)
            if self.unordered and split != list(self._sizes)[-1]:
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
        while missing:
            drawn = self.space.draw(self._draws, rng, self._balances[split], self._mixes[split])
            fresh = self._unseen(drawn, missing)
            missing -= len(fresh)
            if len(fresh):
                yield fresh
            rounds_without = 0 if len(fresh) else rounds_without + 1
            if missing and 10 * len(fresh) <= len(drawn):
                every = self.space.enumerate()
                if every is not None:
                    rest = self._unseen(every[rng.permutation(len(every))], missing)
                    missing -= len(rest)
                    for start in range(0, len(rest), DRAWS):
                        yield rest[start : start + DRAWS]
                # Or too many to list them, yet many rounds in a row gave nothing new.
                if missing and (every is not None or rounds_without == _PATIENCE):
                    raise ValueError(f"only {len(self._seen)} different problems were found")

    def _unseen(self, problems: Problems, n: int) -> Problems:
        """The first n that were not drawn before, each once, in order; from now on they were."""
        keys, first = np.unique(self.space.keys(problems), return_index=True)
        new = ~self._seen.contains(keys)
        if len(self._closed):
            swapped = self.space.keys(problems[first], unordered=True)
            new &= ~self._closed.contains(swapped)
        if new.sum() > n:
            new &= first <= np.partition(first[new], n - 1)[n - 1]
        self._seen.add(keys[new])
        return problems[np.sort(first[new])]
