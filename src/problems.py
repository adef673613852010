"""Arithmetic problems in columns: answers, prompts, exact division. No loop over rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
OPERATORS = "+-*/"
PLUS, MINUS, TIMES, OVER = range(4)


@dataclass(frozen=True)
class Problems:
    """n problems, one a row, or beginnings of problems that `extend` makes longer.

    The value of a row is ``sums + terms``. With left-to-right precedence sums stay 0 and terms
    are the running total; with standard precedence terms are the product that a following ``*``
    or ``/`` still works on.

    >>> problems = Problems.start(np.array([2, 9]))
    >>> problems = problems.extend(np.array([PLUS, MINUS]), np.array([3, 1]), "left_to_right")
    >>> problems = problems.extend(np.array([TIMES, OVER]), np.array([4, 2]), "left_to_right")
    >>> list(zip(problems.prompts(), problems.answers.tolist()))
    [('2+3*4=', 20), ('9-1/2=', 4)]

    Attributes:
        operands: (n, number of operands).
        operators: (n, number of operands - 1), indices into `OPERATORS`.
        sums, terms: (n,).
    """

    operands: Ints
    operators: Ints
    sums: Ints
    terms: Ints

    @staticmethod
    def start(first: Ints) -> Problems:
        """Problems of a single operand."""
        n = len(first)
        return Problems(first[:, None], np.zeros((n, 0), np.int64), np.zeros(n, np.int64), first)

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
    def answers(self) -> Ints:
        """(n,)."""
        return self.sums + self.terms

    def extend(self, operators: Ints, operands: Ints, precedence: str) -> Problems:
        """One operator and operand more for each row; divisors must leave no remainder.

        Args:
            operators, operands: (n,).
            precedence: ``left_to_right`` or ``standard``.
        """
        sums, terms = self.sums, self.terms
        if precedence == "standard":
            closes = (operators == PLUS) | (operators == MINUS)
            sums, terms = (
                np.where(closes, sums + terms, sums),
                np.where(closes, 0, terms),
            )
        results = [terms + operands, terms - operands, terms * operands]
        # Only rows that divide need a divisor other than 0.
        results.append(terms // np.where(operators == OVER, operands, 1))
        return Problems(
            np.column_stack((self.operands, operands)),
            np.column_stack((self.operators, operators)),
            sums,
            np.choose(operators, results),
        )

    def prompts(self) -> list[str]:
        """``554+456=`` for each row."""
        symbols = np.array(list(OPERATORS))
        columns = [map(str, self.operands[:, 0].tolist())]
        for operators, operands in zip(self.operators.T, self.operands.T[1:], strict=True):
            columns.append(iter(symbols[operators].tolist()))
            columns.append(map(str, operands.tolist()))
        return ["".join(row) + "=" for row in zip(*columns, strict=True)]


def divisors(terms: Ints, low: int, high: int) -> tuple[Ints, Ints]:
    """Divisors from low..high of each term: how many, and all of them in the terms' order.

    Trial division up to the square root, each hit giving a divisor and its cofactor. Zero has
    every number but itself as a divisor.

    >>> counts, flat = divisors(np.array([12, 7, 0]), 2, 6)
    >>> counts.tolist(), flat.tolist()
    ([4, 0, 5], [2, 3, 4, 6, 2, 3, 4, 5, 6])
    """
    low = max(low, 1)
    sizes = np.abs(terms)
    zero = np.flatnonzero(sizes == 0)
    every = np.arange(low, high + 1) if len(zero) else np.zeros(0, np.int64)
    rows = [np.repeat(zero, len(every))]
    found = [np.tile(every, len(zero))]
    root = int(np.sqrt(sizes.max(initial=0))) + 1
    step = max(1, 2**22 // root)  # a block of the table of remainders stays below 32 MiB
    for start in range(0, len(sizes), step):
        block = sizes[start : start + step, None]
        small = np.arange(1, root + 1)
        row, column = np.nonzero((block % small == 0) & (small * small <= block) & (block > 0))
        divisor = small[column]
        cofactor = block[row, 0] // divisor
        differs = cofactor != divisor
        rows += [start + row, start + row[differs]]
        found += [divisor, cofactor[differs]]
    all_rows, all_found = np.concatenate(rows), np.concatenate(found)
    in_range = (all_found >= low) & (all_found <= high)
    all_rows, all_found = all_rows[in_range], all_found[in_range]
    counts = np.bincount(all_rows, minlength=len(terms))
    return counts, all_found[np.lexsort((all_found, all_rows))]
