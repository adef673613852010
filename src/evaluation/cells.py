"""Problems of chosen lengths, and of chosen chains of carries, beside those of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ..common.errors import UserError
from ..config import DataConfig, EvaluationConfig
from ..data.problems import OPERATORS, OVER, Ints, Problems
from ..splits.large import drawn, of_length

# Apart from the streams of the splits.
_STREAM = 10**6
# Rounds of draws in a row without a new problem, after which a cell counts as used up.
_PATIENCE = 20
# Digits of all operands together: Python writes no product of more than 4,300.
_MAX_DIGITS = 4000


@dataclass(frozen=True)
class Cell:
    """Problems that are alike.

    >>> Cell((12, 3)).name
    '12+3'

    Attributes:
        lengths: digits of each operand.
        chain: most columns side by side that carry when two operands are added by hand; None: any.
    """

    lengths: tuple[int, ...]
    chain: int | None = None

    @property
    def name(self) -> str:
        """The digits of each operand, whatever the operators."""
        return "+".join(map(str, self.lengths))


def cells(config: EvaluationConfig, data: DataConfig) -> list[Cell]:
    """The cells that `evaluation.lengths` and its like ask for, those without problems left out.

    Raises:
        UserError: where the data's problems have none such.
    """
    asked = f"evaluation.lengths = {config.lengths}"
    if config.lengths * data.N > _MAX_DIGITS:
        digits = f"{_MAX_DIGITS:,} digits together"
        raise UserError(f"{asked}: N = {data.N} operands must have at most {digits}")
    if data.N > 2 and "/" in data.ops:
        raise UserError(f"{asked}: with / in data.ops, data.N must be 2, it is {data.N}")
    if config.lengths_of == "pairs" and data.N != 2:
        raise UserError(f"evaluation.lengths_of = pairs: data.N must be 2, it is {data.N}")
    if config.length_chains and not (data.N == 2 and "+" in data.ops):
        raise UserError(
            "evaluation.length_chains = true: chains are built for + of two operands, "
            f"and data.N = {data.N}, data.ops = {data.ops}"
        )
    lengths = range(1, config.lengths + 1)
    if config.lengths_of == "equal":
        grid = [Cell((length,) * data.N) for length in lengths]
    else:
        grid = [Cell(pair) for pair in product(lengths, repeat=2)]
    grid = [cell for cell in grid if _operators(cell, data.ops)]
    if config.length_chains:
        grid += [Cell((length,) * 2, chain) for length in lengths for chain in range(length + 1)]
    return grid


def draw(cell: Cell, data: DataConfig, n: int) -> Problems:
    """Different problems of a cell, always the same ones; fewer than n where there are no more.

    Operators are drawn evenly, then operands. A dividend is drawn evenly from the multiples of its
    divisor. Of chains see `chained`.

    Args:
        data: its N, operators, precedence, modulus and seed count, whatever A and B are.
    """
    entropy = (data.seed, _STREAM, 0 if cell.chain is None else cell.chain + 1, *cell.lengths)
    rng = np.random.default_rng(entropy)
    found: dict[tuple[int, ...], None] = {}
    without = 0
    while len(found) < n and without < _PATIENCE:
        before = len(found)
        for row in _rows(cell, data, n, rng):
            if len(found) < n:
                found[row] = None
        without = 0 if len(found) > before else without + 1
    rows = np.array(list(found), object).reshape(len(found), 2 * data.N - 1)
    operators = rows[:, data.N :].astype(np.int64)
    problems = Problems.of(rows[:, : data.N], operators, data.precedence)
    return problems.reduced(data.modulus)


def _rows(cell: Cell, data: DataConfig, n: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Operands, then operators of n problems."""
    if cell.chain is not None:
        pairs = chained(cell.lengths[0], cell.chain, n, rng)
        return [(a, b, OPERATORS.index("+")) for a, b in pairs]
    choices = np.array(_operators(cell, data.ops))
    operators = choices[rng.integers(0, len(choices), (n, data.N - 1))].tolist()
    columns = [drawn(*of_length(length), n, rng) for length in cell.lengths]
    rows = []
    for operands, between in zip(map(list, zip(*columns, strict=True)), operators, strict=True):
        if between == [OVER]:
            low, high = of_length(cell.lengths[0])
            operands[1] = divisor = max(operands[1], 1)
            quotient = drawn(-(-low // divisor), high // divisor, 1, rng)[0]
            operands[0] = quotient * divisor
        rows.append((*operands, *between))
    return rows


def _operators(cell: Cell, ops: str) -> list[int]:
    """The operators that a cell's problems can have: no number is a multiple of a longer one."""
    longer = len(cell.lengths) == 2 and cell.lengths[1] > cell.lengths[0]
    return [OPERATORS.index(op) for op in ops if not (op == "/" and longer)]


def chained(length: int, chain: int, n: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Pairs of numbers whose sum has a longest chain of carries of this length.

    The chain begins anywhere with two digits that add up to ten or more. In one of two pairs, on
    average, all others along it add up to nine, so that each passes on the carry; in the rest to
    nine or more. Elsewhere digits are drawn evenly from those that make no longer chain.

    >>> [(a, b)] = chained(4, 4, 1, np.random.default_rng(1))
    >>> a % 10 + b % 10 >= 10, a + b >= 10**4
    (True, True)
    """
    start = rng.integers(0, length - chain, n, endpoint=True) if chain else np.full(n, -2)
    most = np.where(rng.random(n) < 0.5, 9, 18)
    carry = run = np.zeros(n, np.int64)
    digits = np.empty((2, n, length), np.int64)
    for column in range(length):
        inside = (column >= start) & (column < start + chain)
        closed = (column == start - 1) | (column == start + chain) | (run >= chain)
        low = np.where(inside, np.where(column == start, 10, 9), 0)
        high = np.where(inside, np.where(column == start, 18, most), 18)
        high = np.where(closed & ~inside, 9 - carry, high)
        digits[:, :, length - 1 - column] = _digits(low, high, 0 < column == length - 1, rng)
        total = digits[:, :, length - 1 - column].sum(0) + carry
        carry = (total > 9).astype(np.int64)
        run = np.where(carry > 0, run + 1, 0)
    a, b = ([int("".join(map(str, row))) for row in rows] for rows in digits.tolist())
    return list(zip(a, b, strict=True))


def _digits(low: Ints, high: Ints, leading: bool, rng: np.random.Generator) -> Ints:
    """Pairs of digits that add up to low..high, drawn evenly: (2, n).

    Args:
        leading: neither of them is 0.
    """
    codes, counts = _pairs(leading)
    nth = (rng.random(len(low)) * counts[low, high]).astype(np.int64)
    return np.stack(np.divmod(codes[low, high, nth], 10))


@cache
def _pairs(leading: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pairs of digits that add up to low..high, and how many: (19, 19, 100) and (19, 19)."""
    codes, counts = np.zeros((19, 19, 100), np.int64), np.zeros((19, 19), np.int64)
    for low, high in product(range(19), repeat=2):
        digits = range(int(leading), 10)
        found = [10 * x + y for x in digits for y in digits if low <= x + y <= high]
        codes[low, high, : len(found)], counts[low, high] = found, len(found)
    return codes, counts
