"""Arithmetic problems as numbers: operands, operators and what they are worth.

Thousands at once in columns, without a loop over rows, and one alone. How they are written is in
`formats`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
# Of int64, or of Python's integers where those are too short, and many times as slow.
Integers = NDArray[Any]
OPERATORS = "+-*/"
PLUS, MINUS, TIMES, OVER = range(4)
# Of numbers that are worked out for many rows at once.
_MAX_BITS = 2**14
PRECEDENCES = ("left_to_right", "standard")


@dataclass(frozen=True)
class Problems:
    """n problems, one a row, or beginnings of problems that `extend` makes longer.

    The value of a row is ``sums + terms``. With left-to-right precedence sums stay 0 and terms
    are the running total; with standard precedence terms are the product that a following ``*``
    or ``/`` still works on. Of 2+3*4 and 9-1/2, from left to right:

    >>> problems = Problems.start(np.array([2, 9]))
    >>> problems = problems.extend(np.array([PLUS, MINUS]), np.array([3, 1]), "left_to_right")
    >>> problems = problems.extend(np.array([TIMES, OVER]), np.array([4, 2]), "left_to_right")
    >>> problems.answers.tolist()
    [20, 4]

    Attributes:
        operands: (n, number of operands); of Python's integers where int64 is too short for any
            number of a row, and so are sums and terms.
        operators: (n, number of operands - 1), indices into `OPERATORS`.
        sums, terms: (n,).
    """

    operands: Integers
    operators: Ints
    sums: Integers
    terms: Integers

    @staticmethod
    def start(first: Integers) -> Problems:
        """Problems of a single operand."""
        n = len(first)
        return Problems(first[:, None], np.zeros((n, 0), np.int64), np.zeros(n, np.int64), first)

    @staticmethod
    def of(operands: Integers, operators: Ints, precedence: str) -> Problems:
        """Whole problems; divisors must leave no remainder.

        >>> Problems.of(np.array([[2, 3, 4]]), np.array([[PLUS, TIMES]]), "standard").answers
        array([14])

        Args:
            operands: (n, number of operands).
            operators: (n, number of operands - 1).
            precedence: ``left_to_right`` or ``standard``.
        """
        sums, terms = np.zeros(len(operands), np.int64), operands[:, 0]
        for operator, operand in zip(operators.T, operands.T[1:], strict=True):
            sums, terms = apply(operator, operand, sums, terms, precedence)
        return Problems(operands, operators, sums, terms)

    @staticmethod
    def concatenate(parts: list[Problems]) -> Problems:
        """All rows, in order."""
        columns = zip(*(vars(part).values() for part in parts), strict=True)
        return Problems(*map(np.concatenate, columns))

    def __len__(self) -> int:
        return len(self.terms)

    def __getitem__(self, rows: Ints | slice | NDArray[np.bool_]) -> Problems:
        return Problems(*(column[rows] for column in vars(self).values()))

    @property
    def answers(self) -> Integers:
        """The value of each row, (n,)."""
        return self.sums + self.terms

    def reduced(self, modulus: int) -> Problems:
        """Whole problems whose answers are taken modulo a number, 0 <= answer < modulus.

        >>> Problems.of(np.array([[3, 5]]), np.array([[MINUS]]), "standard").reduced(113).answers
        array([111])

        Args:
            modulus: positive; 0: the problems stay as they are.
        """
        if not modulus:
            return self
        return replace(self, sums=np.zeros_like(self.sums), terms=self.answers % modulus)

    def extend(self, operators: Ints, operands: Integers, precedence: str) -> Problems:
        """One operator and operand more for each row; divisors must leave no remainder.

        Args:
            operators, operands: (n,).
            precedence: ``left_to_right`` or ``standard``.
        """
        return Problems(
            np.column_stack((self.operands, operands)),
            np.column_stack((self.operators, operators)),
            *apply(operators, operands, self.sums, self.terms, precedence),
        )


def apply(
    operators: Ints, operands: Integers, sums: Integers, terms: Integers, precedence: str
) -> tuple[Integers, Integers]:
    """Sums and terms of `Problems` behind one operator and operand more; all are (n,)."""
    if precedence == "standard":
        closes = (operators == PLUS) | (operators == MINUS)
        sums, terms = np.where(closes, sums + terms, sums), np.where(closes, 0, terms)
    results = terms + operands
    # Most data has one or two operators: those that do not occur cost nothing.
    for op in np.flatnonzero(np.bincount(operators, minlength=len(OPERATORS))).tolist():
        rows = operators == op
        if op == MINUS:
            results = np.where(rows, terms - operands, results)
        elif op == TIMES:
            results = np.where(rows, terms * operands, results)
        elif op == OVER:
            # Only rows that divide need a divisor other than 0.
            results = np.where(rows, terms // np.where(rows, operands, 1), results)
    return sums, results


def narrowed(values: Integers) -> Integers:
    """Python's integers as int64, where it is wide enough for all of them."""
    try:
        return values.astype(np.int64)
    except OverflowError:
        return values


def are_right(
    operands: Integers, operators: Ints, answers: Integers, precedence: str, modulus: int = 0
) -> bool:
    """Whether all answers are right, worked out in 63 bits or in Python's integers.

    Args:
        operands: (n, N), not negative.
        operators: (n, N - 1), indices into `OPERATORS`.
        answers: (n,).
        precedence: ``left_to_right`` or ``standard``.
        modulus: answers are right modulo this number and below it; 0: as they are.

    Returns:
        False also where numbers may become so large that it would take long.
    """
    N, largest = operands.shape[1], int(operands.max(initial=0))
    factors = N if (operators == TIMES).any() else 1
    if factors * largest.bit_length() > _MAX_BITS:
        return False
    if N * largest**factors >= 2**63:
        operands = operands.astype(object)
    sums, terms = np.zeros(len(operands), np.int64), operands[:, 0]
    for operator, operand in zip(operators.T, operands.T[1:], strict=True):
        divides = operator == OVER
        if (operand[divides] == 0).any() or (terms[divides] % operand[divides]).any():
            return False
        sums, terms = apply(operator, operand, sums, terms, precedence)
    right = sums + terms
    return bool(((right % modulus if modulus else right) == answers).all())


def evaluate(operands: Sequence[int], operators: str, precedence: str, modulus: int = 0) -> int:
    """The answer to one problem, of numbers of any size.

    >>> evaluate([2, 3, 4], "+*", "left_to_right"), evaluate([2, 3, 4], "+*", "standard")
    (20, 14)
    >>> evaluate([100, 50], "+", "standard", modulus=113), evaluate([3, 5], "-", "standard", 113)
    (37, 111)

    Args:
        operands: N numbers that are not negative.
        operators: N - 1 of `OPERATORS`.
        precedence: ``left_to_right`` or ``standard``.
        modulus: what the answer is taken modulo; 0: it stays as it is.

    Raises:
        ValueError: for a division by zero or with a remainder.
    """
    total, term = 0, operands[0]
    for operator, operand in zip(operators, operands[1:], strict=True):
        if operator in "+-":
            if precedence == "standard":
                total, term = total + term, 0
            term += operand if operator == "+" else -operand
        elif operator == "*":
            term *= operand
        elif operand == 0 or term % operand:
            raise ValueError(f"{term}/{operand} has no whole result")
        else:
            term //= operand
    return (total + term) % modulus if modulus else total + term
