"""The space of all problems of one kind: its size, its list, draws from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config import largest_total
from ..data.permutation import mixed
from ..data.problems import OPERATORS, OVER, Integers, Ints, Problems, apply
from .chains import with_chains
from .divisors import count_divisors, divisors, draw_divisors, n_trials
from .large import drawn, length_weights, of_length, of_lengths, words_of

# Spaces up to this size are listed in memory when drawing at random finds too little that is new.
ENUMERABLE = 2**22
# Trial divisions that listing or counting may take: some seconds.
_TRIALS = 2**28


@dataclass(frozen=True)
class ProblemSpace:
    """All problems of N operands from A..B.

    Attributes:
        ops: the operators, a choice of ``+-*/``.
        precedence: ``left_to_right`` or ``standard``, see `Problems`.
        modulus: what answers are taken modulo; 0: nothing.
    """

    N: int
    A: int
    B: int
    ops: str
    precedence: str
    modulus: int = 0

    @cached_property
    def bound(self) -> int:
        """How many problems there would be if every division left no remainder."""
        return (self.B - self.A + 1) ** self.N * len(self.ops) ** (self.N - 1)

    @cached_property
    def is_large(self) -> bool:
        """Whether int64 is too short for its totals: then all numbers are Python's integers."""
        return largest_total(self.N, self.B, self.ops) >= 2**63

    def size(self) -> int | None:
        """How many problems there are; None if there are too many to count."""
        n_values = self.B - self.A + 1
        if "/" not in self.ops:
            return self.bound
        beginnings = self.enumerate(self.N - 1)
        if beginnings is None:
            return None
        low = max(self.A, 1)
        terms, repeats = np.unique(np.abs(beginnings.terms), return_counts=True)
        zeros = int(len(terms) > 0 and terms[0] == 0)  # they are sorted
        if n_trials(terms[zeros:], low, self.B, counting=True) > _TRIALS:
            return None
        divided = int(count_divisors(terms[zeros:], low, self.B) @ repeats[zeros:])
        if zeros:
            divided += int(repeats[0]) * (self.B - low + 1)
        return (len(self.ops) - 1) * n_values * len(beginnings) + divided

    def has_at_least(self, n: int) -> bool:
        """Whether there are surely n problems, as those without division are so many already."""
        return replace(self, ops=self.ops.replace("/", "")).bound >= n

    def enumerate(self, n_operands: int | None = None) -> Problems | None:
        """Every problem, or every beginning of n_operands.

        Returns:
            None if they exceed `ENUMERABLE`, or their divisors would take long to find.
        """
        n_values = self.B - self.A + 1
        if n_values > ENUMERABLE:
            return None
        values: Integers = np.arange(n_values, dtype=object if self.is_large else np.int64) + self.A
        rows = Problems.start(values)
        for _ in range((self.N if n_operands is None else n_operands) - 1):
            # Rows that every operand may follow: all, or where ``/`` is the only operator, zeros.
            wide = len(rows) if self.ops != "/" else int((rows.terms == 0).sum())
            if wide * n_values > ENUMERABLE:
                return None
            parts = []
            for op in map(OPERATORS.index, self.ops):
                if op == OVER:
                    found = self._divisors_of(rows.terms)
                    if found is None or found[1][found[0]].sum() > ENUMERABLE:
                        return None
                    counts, operands = _looked_up(*found)
                else:
                    counts, operands = np.full(len(rows), n_values), np.tile(values, len(rows))
                which = np.repeat(np.arange(len(rows)), counts)
                operators = np.full(len(which), op)
                parts.append(rows[which].extend(operators, operands, self.precedence))
            rows = Problems.concatenate(parts)
            if len(rows) > ENUMERABLE:
                return None
        return rows.reduced(self.modulus) if n_operands is None else rows

    def draw(
        self,
        n: int,
        rng: np.random.Generator,
        length_balance: float = 0.0,
        carry_mix: float = 0.0,
        length_exponent: float = 0.0,
        length_mix: Sequence[float] = (),
    ) -> Problems:
        """n problems, with repetition; fewer where a division finds no divisor.

        Operands and operators are drawn evenly, a divisor evenly from those that leave no
        remainder.

        Args:
            length_balance: share of the rows whose operands' lengths are drawn before their values,
                so that short operands are more frequent.
            carry_mix: share of the rows whose first step has a long chain of carries or borrows,
                see `with_chains`.
            length_exponent: how those lengths are drawn, see `length_weights`; 0: evenly.
            length_mix: shares of the rows whose operands have up to 1, 2, .. digits, beside a
                length_balance of 0. What is left of 1 has operands of any length.
        """
        # Of each row, which lengths its operands may have.
        chance = rng.random(n)
        kinds: NDArray[Any]
        operands_of: Callable[[NDArray[Any]], Integers]
        if length_mix:
            kinds = np.searchsorted(np.cumsum(length_mix), chance, side="right")
            operands_of = partial(self._mixed_operands, len(length_mix), rng)
        else:
            kinds = chance < length_balance
            operands_of = partial(self._balanced_operands, length_exponent, rng)
        # Rows that are left, and their values so far.
        rows, sums, terms = np.arange(n), np.zeros(n, np.int64), operands_of(kinds)
        operands = np.empty((self.N, n), terms.dtype)
        operators = np.empty((self.N - 1, n), np.int64)
        operands[0] = terms
        choices = np.array([OPERATORS.index(op) for op in self.ops])
        low, largest = max(self.A, 1), self.B ** (self.N - 1)
        if "*" not in self.ops:
            largest = self.B * (self.N - 1)
        for j in range(self.N - 1):
            operator = choices[rng.integers(0, len(choices), len(rows))]
            operand = operands_of(kinds)
            if carry_mix and j == 0:
                built = np.flatnonzero(rng.random(n) < carry_mix)
                terms, operand, operator = with_chains(
                    terms, operand, operator, built, self.ops, self.lengths(), rng
                )
                operands[0] = terms
            if OVER in choices:
                # Any number but 0 divides 0: there the operand stays as drawn.
                divides = np.flatnonzero((operator == OVER) & (terms != 0))
                # A term is mostly a product of operands, or of some and a sum.
                hints, chance = operands[: j + 1, rows[divides]], rng.random(len(divides))
                operand[divides] = draw_divisors(
                    terms[divides], hints, chance, low, self.B, largest
                )
                kept = (operator != OVER) | (operand != 0)
                rows, sums, terms, kinds, operator, operand = (
                    x[kept] for x in (rows, sums, terms, kinds, operator, operand)
                )
            sums, terms = apply(operator, operand, sums, terms, self.precedence)
            operators[j, rows], operands[j + 1, rows] = operator, operand
        problems = Problems(operands[:, rows].T, operators[:, rows].T, sums, terms)
        return problems.reduced(self.modulus)

    def _divisors_of(self, terms: Ints) -> tuple[Ints, Ints, Ints] | None:
        """The divisors of some terms, 0 among them, listed once for equal terms.

        Returns:
            The index of each term among the distinct ones, how many divisors each of those has,
            and all divisors in that order; None if they would take long to find.
        """
        distinct, which = np.unique(np.abs(terms), return_inverse=True)
        low, zeros = max(self.A, 1), int(len(distinct) > 0 and distinct[0] == 0)
        if n_trials(distinct[zeros:], low, self.B) > _TRIALS:
            return None
        counts, flat = divisors(distinct[zeros:], low, self.B)
        if zeros:
            every = np.arange(low, self.B + 1)
            counts, flat = np.append(len(every), counts), np.append(every, flat)
        return which, counts, flat

    def _mixed_operands(self, most: int, rng: np.random.Generator, kinds: Ints) -> Integers:
        """An operand of up to 1, 2, .. digits for kinds 0, 1, ..; of any length for kind `most`."""
        highs = [min(self.B, 10**digits - 1) for digits in range(1, most + 1)]
        values = of_lengths([(self.A, high) for high in [*highs, self.B]], kinds, rng)
        return values.astype(object) if self.is_large else values

    def _balanced_operands(
        self, exponent: float, rng: np.random.Generator, balanced: NDArray[np.bool_]
    ) -> Integers:
        if self.is_large:
            values = np.array(drawn(self.A, self.B, len(balanced), rng), object)
        else:
            values = rng.integers(self.A, self.B, len(balanced), endpoint=True)
        if not balanced.any():
            return values
        ends = np.cumsum(length_weights(self.lengths(), exponent))
        length = np.searchsorted(ends, rng.integers(0, int(ends[-1]), len(balanced)), side="right")
        return np.where(balanced, of_lengths(self.lengths(), length, rng), values)

    def lengths(self) -> list[tuple[int, int]]:
        """The smallest and the largest operand of each length.

        >>> ProblemSpace(2, 5, 120, "+", "left_to_right").lengths()
        [(5, 9), (10, 99), (100, 120)]
        """
        ranges = map(of_length, range(len(str(self.A)), len(str(self.B)) + 1))
        return [(max(self.A, low), min(self.B, high)) for low, high in ranges]

    def keys(self, problems: Problems, unordered: bool = False) -> NDArray[np.uint64]:
        """An integer for each problem of the space, the same for equal ones.

        Exact where `bound` is at most 2^64: the problem's number in mixed radix. In larger spaces
        a hash of 64 bits: a million problems have two alike with a chance of 3e-8, and of those
        the second is then never drawn.

        Args:
            unordered: the same too for problems whose operands are merely swapped.
        """
        operands = np.sort(problems.operands, axis=1) if unordered else problems.operands
        n_ops, places = np.uint64(len(self.ops)), np.zeros(len(OPERATORS), np.uint64)
        places[[OPERATORS.index(op) for op in self.ops]] = range(len(self.ops))
        exact, n_words = self.bound <= 2**64, (self.B - self.A + 1) * len(self.ops)
        if self.is_large and not exact:
            key = np.zeros(len(operands), np.uint64)
            for operator in problems.operators.T:
                key = mixed(key + places[operator])
            for column in operands.T:
                for part in words_of(column - self.A, self.B - self.A):
                    key = mixed(key + part)
            return key
        first = (operands[:, 0] - self.A).astype(np.uint64)
        key = first if exact else mixed(first)
        for j in range(self.N - 1):
            word = (operands[:, j + 1] - self.A).astype(np.uint64) * n_ops
            word += places[problems.operators[:, j]]
            key = key * np.uint64(n_words) + word if exact else mixed(key + word)
        return key


def _looked_up(which: Ints, counts: Ints, flat: Ints) -> tuple[Ints, Ints]:
    """How many divisors each row has, and all of them in the rows' order.

    Args: what `ProblemSpace._divisors_of` returns.
    """
    starts, n = (np.cumsum(counts) - counts)[which], counts[which]
    skipped = starts - (np.cumsum(n) - n)
    return n, flat[np.repeat(skipped, n) + np.arange(n.sum())]
