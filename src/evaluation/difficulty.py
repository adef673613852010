"""What a problem may be hard by: lengths, carries, borrows. No loop over rows.

Lengths are those of the text, as a model reads it: ``007`` has three digits. But zeros that a
format puts in front of every number are left out. A carry or borrow is one by value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.formats import Format
from ..data.problems import MINUS, OPERATORS, PLUS, Integers, Ints, Problems
from ..data.records import Record

KINDS = (
    "answer_length",
    "operand_lengths",
    "operators",
    "carries",
    "carry_chain",
    "sign",
    "borrows",
)
_ABSENT = -1


def describe(records: Sequence[Record], written: Format) -> pd.DataFrame:
    """A row for each problem.

    >>> from src.data.formats import PLAIN
    >>> records = [Record("95+7=", "102"), Record("1-20=", "-19"), Record("2*3+4=", "10")]
    >>> table = describe(records, PLAIN)
    >>> print(table.to_string(index=False, na_rep="-"))
     answer_length operand_lengths operators  carries  carry_chain     sign  borrows
                 3             2+1         +        2            2        -     <NA>
                 2             1-2         -     <NA>         <NA> negative        1
                 2           1*1+1        +*     <NA>         <NA>        -     <NA>

    Columns:
        answer_length: digits, sign left out.
        operand_lengths: digits of each operand as it is written, with the operators between them.
        operators: those that occur, in the order ``+-*/``.
        carries: columns that carry when sums are added by hand; only where all operators are +.
        carry_chain: most such columns side by side.
        sign: of a difference: negative, zero or positive; only where all operators are -. Modulo
            a number none is negative. Carries and borrows are those before the modulus is taken.
        borrows: columns that borrow when the smaller of two numbers is subtracted from the larger
            by hand; only for ``a-b``.
    """
    problems = [written.read_prompt(record.prompt) for record in records]
    answers = [written.read_target(record.target) for record in records]
    return _describe(
        _table([operands for operands, _ in problems]),
        _table([[OPERATORS.index(symbol) for symbol in operators] for _, operators in problems]),
        _table(
            [
                [
                    _length(*each, written)
                    for each in zip(_texts(record.prompt), operands, strict=True)
                ]
                for record, (operands, _) in zip(records, problems, strict=True)
            ]
        ),
        np.array([len(str(abs(answer))) for answer in answers]),
        np.array([(answer > 0) - (answer < 0) for answer in answers]),
    )


def _texts(prompt: str) -> list[str]:
    return re.findall("[0-9]+", prompt)


def _length(text: str, operand: int, written: Format) -> int:
    """Digits of an operand, without the zeros that the format puts in front of it."""
    return len(str(operand) if text == written.operand(operand) else text)


def describe_columns(problems: Problems) -> pd.DataFrame:
    """`describe` of problems given as columns."""
    answers = problems.answers
    lengths, of_answers = _n_digits(problems.operands), _n_digits(np.abs(answers))
    signs = (answers > 0).astype(np.int64) - (answers < 0)
    return _describe(problems.operands, problems.operators, lengths, of_answers, signs)


def _describe(
    operands: Integers, operators: Ints, lengths: Ints, of_answers: Ints, signs: Ints
) -> pd.DataFrame:
    frame = pd.DataFrame({"answer_length": of_answers})
    frame["operand_lengths"] = _length_labels(lengths, operators)
    used = np.stack([(operators == op).any(1) for op in range(len(OPERATORS))], axis=1)
    frame["operators"] = _labels(
        used, lambda row: "".join(op for op, occurs in zip(OPERATORS, row, strict=True) if occurs)
    )
    sums, differences = ((operators == op) | (operators == _ABSENT) for op in (PLUS, MINUS))
    is_sum, is_difference = sums.all(1), differences.all(1)
    carry = carry_columns(np.maximum(operands, 0))
    frame["carries"] = _where(is_sum, carry.sum(1))
    frame["carry_chain"] = _where(is_sum, longest_run(carry))
    names = np.array(["negative", "zero", "positive"])
    frame["sign"] = pd.Series(names[signs + 1], dtype="str").where(is_difference)
    is_pair = is_difference & ((operands != _ABSENT).sum(1) == 2)
    pair = np.sort(np.maximum(operands[:, :2], 0), axis=1)
    frame["borrows"] = _where(is_pair, borrow_columns(pair[:, 1], pair[:, 0]).sum(1))
    return frame[list(KINDS)]


def carry_columns(operands: Integers) -> NDArray[np.bool_]:
    """Which columns carry when the operands of each row are added by hand, units first.

    >>> carry_columns(np.array([[554, 456], [1, 2], [999, 1]])).astype(int).tolist()
    [[1, 1, 1], [0, 0, 0], [1, 1, 1]]

    Args:
        operands: (n, N), none negative.
    """
    columns, carry = [], np.zeros(len(operands), np.int64)
    rest = operands
    while rest.any():
        carry = ((rest % 10).sum(1) + carry) // 10
        columns.append(carry > 0)
        rest = rest // 10
    return np.stack(columns, axis=1) if columns else np.zeros((len(operands), 0), bool)


def borrow_columns(larger: Integers, smaller: Integers) -> NDArray[np.bool_]:
    """Which columns borrow when the smaller number is subtracted by hand, units first.

    >>> borrow_columns(np.array([503, 42]), np.array([78, 41])).astype(int).tolist()
    [[1, 1, 0], [0, 0, 0]]
    """
    columns, borrow = [], np.zeros(len(larger), np.int64)
    while larger.any():
        borrow = (larger % 10 - smaller % 10 - borrow < 0).astype(np.int64)
        columns.append(borrow > 0)
        larger, smaller = larger // 10, smaller // 10
    return np.stack(columns, axis=1) if columns else np.zeros((len(borrow), 0), bool)


def longest_run(marks: NDArray[np.bool_]) -> Ints:
    """Length of the longest run of True in each row.

    >>> longest_run(np.array([[1, 1, 0, 1], [0, 0, 0, 0]], dtype=bool)).tolist()
    [2, 0]
    """
    longest = run = np.zeros(len(marks), np.int64)
    for column in marks.T:
        run = np.where(column, run + 1, 0)
        longest = np.maximum(longest, run)
    return longest


def _table(rows: Sequence[Sequence[int]]) -> Integers:
    """Rows of unequal length in one table, `_ABSENT` where a row has ended."""
    width = max(map(len, rows), default=1)
    padded = [[*row, *[_ABSENT] * (width - len(row))] for row in rows]
    try:
        table = np.array(padded, np.int64)
    except OverflowError:
        table = np.array(padded, object)
    return table.reshape(len(rows), width)


def _length_labels(lengths: Ints, operators: Ints) -> NDArray[np.object_]:
    codes = np.empty((len(lengths), 2 * lengths.shape[1] - 1), np.int64)
    codes[:, ::2] = lengths
    codes[:, 1::2] = operators

    def label(row: Ints) -> str:
        present = [(i, x) for i, x in enumerate(row.tolist()) if x != _ABSENT]
        return "".join(OPERATORS[x] if i % 2 else str(x) for i, x in present)

    return _labels(codes, label)


def _n_digits(numbers: Integers) -> Ints:
    if numbers.dtype == object:
        return np.vectorize(lambda x: len(str(x)), otypes=[np.int64])(numbers)
    return np.searchsorted(10 ** np.arange(1, 19), numbers, side="right") + 1


def _labels(codes: NDArray[Any], label: Callable[[NDArray[Any]], str]) -> NDArray[np.object_]:
    """The label of each row of small numbers, made once for rows that are alike."""
    which = np.zeros(len(codes), np.int64)
    for column in codes.T.astype(np.int64):
        low = column.min(initial=0)
        # The number of the row so far and the next column in one; as many as there are rows.
        both = which * (column.max(initial=0) - low + 1) + (column - low)
        _, first, which = np.unique(both, return_index=True, return_inverse=True)
    return np.array([label(codes[i]) for i in first], dtype=object)[which]


def _where(applies: NDArray[np.bool_], values: Ints) -> pd.Series:
    """Whole numbers, missing where the kind does not apply."""
    return pd.Series(values, dtype="Int64").where(applies)
