"""Problems as the lines of a .jsonl file: thousands at once, as a matrix of bytes."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..tokenizer import BOS, EOS
from .problems import OPERATORS, Ints, Problems

# Four characters: what one entry of a column holds. NUL marks a place that stays empty.
Words = NDArray[np.uint32]


def to_lines(problems: Problems) -> bytes:
    r"""All rows in the format of `records`, as a file takes them.

    Each part of a line is a column wide enough for the longest; the empty places go at the end.

    >>> print(to_lines(Problems.start(np.array([554]))).decode(), end="")
    {"prompt": "554=", "target": "554", "text": "<bos>554=554<eos>"}
    """
    prompt = [_numbers(problems.operands[:, 0])]
    for j in range(problems.operators.shape[1]):
        prompt += [
            _SYMBOLS[problems.operators[:, j], None],
            _numbers(problems.operands[:, j + 1]),
        ]
    answers = problems.answers
    target = [_numbers(np.abs(answers))]
    if (answers < 0).any():
        target.insert(0, np.where(answers < 0, _SYMBOLS[OPERATORS.index("-")], 0)[:, None])
    parts = [_text('{"prompt": "'), *prompt, _text('=", "target": "'), *target]
    parts += [_text(f'", "text": "{BOS}'), *prompt, _text("="), *target, _text(f'{EOS}"}}\n')]
    lines = np.empty((len(problems), sum(part.shape[1] for part in parts)), np.uint32)
    column = 0
    for part in parts:
        lines[:, column : column + part.shape[1]] = part
        column += part.shape[1]
    characters = lines.view(np.uint8).ravel()
    return characters[characters != 0].tobytes()


def _text(text: str) -> Words:
    """The same for all rows: (1, words)."""
    padded = text.encode() + bytes(-len(text) % 4)
    return np.frombuffer(padded, np.uint32)[None]


_ZERO = _text("0".rjust(4, "\0"))[0, 0]
_SYMBOLS = np.concatenate([_text(symbol)[0] for symbol in OPERATORS])


def _numbers(values: Ints) -> Words:
    """Decimal digits, the last at the right edge: (n, words)."""
    n_words = -(-len(str(values.max(initial=0))) // 4)
    words = np.empty((len(values), n_words), np.uint32)
    rest = values
    for column in range(n_words - 1, 0, -1):
        higher = rest // 10_000
        # Behind another digit, zeros are written; in front of all digits, they are not.
        words[:, column] = _four_digits()[rest - 10_000 * higher + 10_000 * (higher > 0)]
        rest = higher
    words[:, 0] = _four_digits()[rest]
    words[values == 0, -1] = _ZERO
    return words


@cache
def _four_digits() -> Words:
    """0 .. 9999 without leading zeros, 0 as nothing, then all of them with: (20000,)."""
    values = np.arange(10_000)[:, None]
    powers = np.array([1000, 100, 10, 1])
    filled = (values // powers % 10 + ord("0")).astype(np.uint8)
    bare = np.where(values >= powers, filled, 0).astype(np.uint8)
    return np.concatenate([bare, filled]).view(np.uint32).ravel()
