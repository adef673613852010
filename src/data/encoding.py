"""Problems in columns turned into token ids, without text in between."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..tokenizer import VOCABULARY, CharTokenizer
from .problems import OPERATORS, Ints, Problems

_ZERO, _MINUS = VOCABULARY.index("0"), VOCABULARY.index("-")
_OPERATOR_IDS = np.array([VOCABULARY.index(symbol) for symbol in OPERATORS], np.uint8)


def encode(problems: Problems) -> NDArray[np.uint8]:
    """What `CharTokenizer.encode` makes of ``<bos>554+456=1010<eos>``, a row for each problem.

    >>> problems = Problems.start(np.array([7, 10]))
    >>> problems = problems.extend(np.array([0, 1]), np.array([5, 12]), "left_to_right")
    >>> encode(problems).tolist()
    [[1, 10, 13, 8, 17, 4, 5, 2, 0, 0], [1, 4, 3, 14, 4, 5, 17, 14, 5, 2]]

    Returns:
        (n, longest text), padded on the right.
    """
    n, answers = len(problems), problems.answers
    columns = [_column(n, CharTokenizer.bos_id), _digits(problems.operands[:, 0])]
    for operators, operands in zip(problems.operators.T, problems.operands.T[1:], strict=True):
        columns += [_OPERATOR_IDS[operators][:, None], _digits(operands)]
    sign = np.where(answers < 0, _MINUS, CharTokenizer.pad_id).astype(np.uint8)
    columns += [_column(n, CharTokenizer.equals_id), sign[:, None], _digits(np.abs(answers))]
    columns.append(_column(n, CharTokenizer.eos_id))

    # Numbers have gaps on their left: what is no padding moves together.
    spaced = np.concatenate(columns, axis=1)
    real = spaced != CharTokenizer.pad_id
    lengths = real.sum(1)
    tokens = np.full((n, lengths.max(initial=0)), CharTokenizer.pad_id, np.uint8)
    tokens[np.arange(tokens.shape[1]) < lengths[:, None]] = spaced[real]
    return tokens


def _column(n: int, token: int) -> NDArray[np.uint8]:
    return np.full((n, 1), token, np.uint8)


def _digits(numbers: Ints) -> NDArray[np.uint8]:
    """Tokens of numbers that are not negative, padded on the left: (n, most digits)."""
    width = len(str(numbers.max(initial=0)))
    powers = 10 ** np.arange(width - 1, -1, -1)
    higher = numbers[:, None] // powers
    # A leading zero is no digit, but the units are.
    shown = (higher > 0) | (powers == 1)
    return np.where(shown, higher % 10 + _ZERO, CharTokenizer.pad_id).astype(np.uint8)
