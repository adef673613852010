"""The space of all problems of one kind, and draws from it that never repeat a problem."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .problems import OPERATORS, OVER, Ints, Problems, divisors

# Spaces up to this size are listed in memory when drawing at random finds too little that is new.
ENUMERABLE = 2**22


@dataclass(frozen=True)
class ProblemSpace:
    """All problems of N operands from A..B.

    Attributes:
        ops: the operators, a choice of ``+-*/``.
        precedence: ``left_to_right`` or ``standard``, see `Problems`.
    """

    N: int
    A: int
    B: int
    ops: str
    precedence: str

    def size(self) -> int | None:
        """How many problems there are; None if there are too many to count."""
        n_values = self.B - self.A + 1
        if "/" not in self.ops:
            return n_values**self.N * len(self.ops) ** (self.N - 1)
        beginnings = self.enumerate(self.N - 1)
        if beginnings is None:
            return None
        low = max(self.A, 1)
        terms, repeats = np.unique(np.abs(beginnings.terms), return_counts=True)
        if len(terms) * math.isqrt(int(terms.max(initial=0))) > 2**29:  # some seconds of divisions
            return None
        zeros = int(len(terms) > 0 and terms[0] == 0)  # they are sorted
        divided = int(divisors(terms[zeros:], low, self.B)[0] @ repeats[zeros:])
        if zeros:
            divided += int(repeats[0]) * (self.B - low + 1)
        return (len(self.ops) - 1) * n_values * len(beginnings) + divided

    def enumerate(self, n_operands: int | None = None) -> Problems | None:
        """Every problem, or every beginning of n_operands; None if they exceed `ENUMERABLE`."""
        n_values = self.B - self.A + 1
        if n_values > ENUMERABLE:
            return None
        values = np.arange(self.A, self.B + 1)
        rows = Problems.start(values)
        for _ in range((self.N if n_operands is None else n_operands) - 1):
            # Those that take every operand: all rows, or where only ``/`` follows, the zeros.
            wide = len(rows) if self.ops != "/" else int((rows.terms == 0).sum())
            if wide * n_values > ENUMERABLE:
                return None
            parts = []
            for op in map(OPERATORS.index, self.ops):
                if op == OVER:
                    counts, operands = self._divisors_of(rows.terms)
                else:
                    counts, operands = np.full(len(rows), n_values), np.tile(values, len(rows))
                which = np.repeat(np.arange(len(rows)), counts)
                operators = np.full(len(which), op)
                parts.append(rows[which].extend(operators, operands, self.precedence))
            rows = Problems.concatenate(parts)
            if len(rows) > ENUMERABLE:
                return None
        return rows

    def draw(self, n: int, rng: np.random.Generator, length_balance: float = 0.0) -> Problems:
        """n problems, with repetition; fewer where a division finds no divisor.

        Operands and operators are drawn evenly, a divisor evenly from those that leave no
        remainder.

        Args:
            length_balance: share of the rows whose operands' lengths are drawn evenly before
                their values, so that short operands are as frequent as long ones.
        """
        balanced = rng.random(n) < length_balance
        rows = Problems.start(self._operands(balanced, rng))
        choices = np.array([OPERATORS.index(op) for op in self.ops])
        for _ in range(self.N - 1):
            operators = choices[rng.integers(0, len(choices), n)]
            operands = self._operands(balanced, rng)
            luck = rng.random(n)
            # Any number but 0 divides 0: there the operand stays as drawn.
            divides = np.flatnonzero((operators == OVER) & (rows.terms != 0))
            terms, which = np.unique(rows.terms[divides], return_inverse=True)
            counts, flat = divisors(terms, max(self.A, 1), self.B)
            starts = np.cumsum(counts) - counts
            nth = (luck[divides] * counts[which]).astype(np.int64)
            # 0 where there is no divisor: 0 never is one, and the row is left out below.
            last = len(flat)
            position = np.where(counts[which] > 0, starts[which] + nth, last)
            operands[divides] = np.append(flat, 0)[position]
            kept = (operators != OVER) | (operands != 0)
            rows = rows[kept].extend(operators[kept], operands[kept], self.precedence)
            balanced, n = balanced[kept], len(rows)
        return rows

    def _divisors_of(self, terms: Ints) -> tuple[Ints, Ints]:
        """As `divisors`, zeros among the terms included."""
        low = max(self.A, 1)
        counts, flat = divisors(np.where(terms == 0, 1, terms), low, self.B)
        if not (terms == 0).any():
            return counts, flat
        every = np.arange(low, self.B + 1)
        parts = np.split(flat, np.cumsum(counts)[:-1])
        parts = [every if term == 0 else part for term, part in zip(terms, parts, strict=True)]
        return np.array([len(part) for part in parts]), np.concatenate(parts)

    def _operands(self, balanced: NDArray[np.bool_], rng: np.random.Generator) -> Ints:
        values = rng.integers(self.A, self.B, len(balanced), endpoint=True)
        if not balanced.any():
            return values
        digits = range(len(str(self.A)), len(str(self.B)) + 1)
        low = np.array([max(self.A, 10 ** (k - 1) if k > 1 else 0) for k in digits])
        high = np.array([min(self.B, 10**k - 1) for k in digits])
        length = rng.integers(0, len(digits), len(balanced))
        return np.where(balanced, rng.integers(low[length], high[length], endpoint=True), values)

    def keys(self, problems: Problems, unordered: bool = False) -> NDArray[np.uint64]:
        """An integer for each problem, the same for equal ones.

        Mixed radix, modulo 2^64: in spaces larger than that two different problems may share a
        key, and the second is then never drawn.

        Args:
            unordered: the same too for problems whose operands are merely swapped.
        """
        operands = np.sort(problems.operands, axis=1) if unordered else problems.operands
        key = operands[:, 0].astype(np.uint64)
        for j in range(self.N - 1):
            key = key * np.uint64(len(OPERATORS)) + problems.operators[:, j].astype(np.uint64)
            key = key * np.uint64(self.B + 1) + operands[:, j + 1].astype(np.uint64)
        return key


class ProblemSampler:
    """Draws problems from a space, each at most once in the sampler's life."""

    def __init__(self, space: ProblemSpace) -> None:
        self.space = space
        self._seen = np.zeros(0, np.uint64)
        self._closed = np.zeros(0, np.uint64)

    def draw(self, n: int, rng: np.random.Generator, length_balance: float = 0.0) -> Problems:
        """n problems that were not drawn before, in the order of their drawing.

        The same as drawing one at a time and putting back what is known already; once fewer
        than one in ten draws is new, the rest is taken evenly from what is left.

        Raises:
            ValueError: if the space holds too few, with how many it holds.
        """
        parts: list[Problems] = []
        missing, fruitless = n, 0
        while missing:
            drawn = self.space.draw(max(1024, missing + missing // 8), rng, length_balance)
            fresh = self._take(self._unseen(drawn)[:missing])
            parts.append(fresh)
            missing -= len(fresh)
            fruitless = 0 if len(fresh) else fruitless + 1
            if missing and 10 * len(fresh) <= len(drawn):
                every = self.space.enumerate()
                if every is not None:
                    rest = self._unseen(every)
                    parts.append(self._take(rest[rng.permutation(len(rest))[:missing]]))
                    missing -= len(parts[-1])
                # Or too many to list them, yet a hundred rounds in a row gave nothing new.
                if missing and (every is not None or fruitless == 100):
                    raise ValueError(f"only {len(self._seen)} different problems were found")
        return Problems.concatenate(parts)

    def close(self, problems: Problems) -> None:
        """From now on, draw none whose operands are merely swapped in one of these."""
        self._closed = np.union1d(self._closed, self.space.keys(problems, unordered=True))

    def _unseen(self, problems: Problems) -> Problems:
        """The first occurrence of each problem not taken yet, in order."""
        keys = self.space.keys(problems)
        first = np.sort(np.unique(keys, return_index=True)[1])
        first = first[~np.isin(keys[first], self._seen)]
        if len(self._closed):
            swapped = self.space.keys(problems[first], unordered=True)
            first = first[~np.isin(swapped, self._closed)]
        return problems[first]

    def _take(self, problems: Problems) -> Problems:
        self._seen = np.union1d(self._seen, self.space.keys(problems))
        return problems
