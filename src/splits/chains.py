"""Sums and differences with long chains of carries or borrows, which random ones rarely have."""

from __future__ import annotations

import numpy as np

from ..data.problems import MINUS, OPERATORS, PLUS, Integers, Ints
from .large import of_lengths

# Draws of an operand pair in which the chain has no place, after which the row stays as it was.
_TRIES = 30


def with_chains(
    first: Integers,
    second: Integers,
    operators: Ints,
    rows: Ints,
    ops: str,
    lengths: list[tuple[int, int]],
    rng: np.random.Generator,
) -> tuple[Integers, Integers, Ints]:
    """Some rows with other operands of the same lengths, whose first step has a chain.

    How long it is, from one place to all those of the shorter operand, and where it begins is drawn
    evenly. Of a sum, the digits add up to ten or more where it begins, and to nine behind: each
    place carries. Of a difference, by hand, the digit of the larger number is the smaller one where
    it begins, and they are equal behind: each place borrows. All other digits are random, so that
    a chain may go on. A row stays as it is where no pair of that kind was found.

    Args:
        first, second: (n,), operands.
        operators: (n,), of the step, indices into `OPERATORS`.
        rows: the places of those that get a chain.
        ops: the operators to choose from, + or - among them.
        lengths: see `ProblemSpace.lengths`; operands stay within.

    Returns:
        first, second and operators.
    """
    first, second, operators = first.copy(), second.copy(), operators.copy()
    signs = np.array([OPERATORS.index(op) for op in ops if OPERATORS.index(op) in (PLUS, MINUS)])
    sign = signs[rng.integers(0, len(signs), len(rows))]
    digits = np.array([len(str(high)) for _, high in lengths])
    # Beyond, int64 has no power of ten for each length.
    kind = object if digits[-1] > 18 else first.dtype
    powers = np.array([10**k for k in range(digits[-1] + 1)], kind)
    lows, highs = (np.array(ends, kind) for ends in zip(*lengths, strict=True))
    of_first, of_second = (
        np.searchsorted(lows, column[rows].astype(kind), side="right") - 1
        for column in (first, second)
    )
    # The highest place of two equally long numbers cannot borrow.
    most = np.minimum(digits[of_first], digits[of_second])
    most = most - ((sign == MINUS) & (of_first == of_second))
    chain = 1 + (rng.random(len(rows)) * most).astype(np.int64)
    start = (rng.random(len(rows)) * (most - chain + 1)).astype(np.int64)
    left = np.flatnonzero(most > 0)
    for _ in range(_TRIES):
        a, b = (
            of_lengths(lengths, which[left], rng).astype(kind) for which in (of_first, of_second)
        )
        unit, span = powers[start[left]], powers[chain[left]]
        part, above_a, above_b = a // unit % span, a // unit // span, b // unit // span
        plus, larger = sign[left] == PLUS, above_a > above_b
        digit = (part % 10).astype(np.int64)
        room = np.where(plus | ~larger, digit, 9 - digit)
        step = 1 + (rng.random(len(left)) * room).astype(np.int64)
        made = np.where(plus, span - 1 - part + step, part + np.where(larger, step, -step))
        b = b + (made - b // unit % span) * unit
        fits = (room > 0) & (plus | (above_a != above_b))
        fits &= (b >= lows[of_second[left]]) & (b <= highs[of_second[left]])
        done = rows[left[fits]]
        first[done], second[done], operators[done] = a[fits], b[fits], sign[left[fits]]
        left = left[~fits]
        if not len(left):
            break
    return first, second, operators
