"""Decimal numbers of many rows at once: as characters, and read back from tokens."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..tokenizer import VOCABULARY
from .problems import Integers, Ints, narrowed

# Four characters in one number, as copying one is faster than copying four. A NUL is a gap: texts
# of unequal length stand in columns of equal width, and their gaps are dropped in the end.
Words = NDArray[np.uint32]

# Digits that surely fit in 63 bits, and those of a number that are written at once.
_READ, _WRITTEN = 18, 16
_ZERO = np.uint8(VOCABULARY.index("0"))
_ZERO_WORD = np.frombuffer(b"0".rjust(4, b"\0"), np.uint32)[0]


def to_words(texts: list[str]) -> Words:
    """Some texts of ASCII, the gaps behind them: (n, words)."""
    n_words = -(-max([1, *map(len, texts)]) // 4)
    return np.array(texts, f"S{4 * n_words}").view(np.uint32).reshape(len(texts), n_words)


def numbers_to_words(values: Integers) -> Words:
    """Decimal digits of numbers that are not negative, the gaps before them: (n, words).

    >>> numbers_to_words(np.array([7, 12345])).view(np.uint8).tolist()
    [[0, 0, 0, 0, 0, 0, 0, 55], [0, 0, 0, 49, 50, 51, 52, 53]]
    """
    if values.dtype == object:
        higher = values // 10**_WRITTEN
        lower = (values - higher * 10**_WRITTEN).astype(np.int64)
        more = higher.astype(bool)
        if not more.any():
            return numbers_to_words(lower)
        front = numbers_to_words(narrowed(higher))
        front[~more] = 0
        # A digit in front has zeros written; then it goes.
        behind = numbers_to_words(lower + 10**_WRITTEN * more)[:, 1:]
        return np.concatenate([front, behind], axis=1)
    n_words = -(-len(str(values.max(initial=0))) // 4)
    words = np.empty((len(values), n_words), np.uint32)
    rest = values
    for column in range(n_words - 1, 0, -1):
        higher = rest // 10_000
        # Behind another digit, zeros are written; in front of all digits, they are not.
        words[:, column] = _four_digits()[rest - 10_000 * higher + 10_000 * (higher > 0)]
        rest = higher
    words[:, 0] = _four_digits()[rest]
    words[values == 0, -1] = _ZERO_WORD
    return words


@cache
def _four_digits() -> Words:
    """0 .. 9999 without leading zeros, 0 as a gap, then all of them with zeros: (20000,)."""
    values = np.arange(10_000)[:, None]
    powers = np.array([1000, 100, 10, 1])
    filled = (values // powers % 10 + ord("0")).astype(np.uint8)
    bare = np.where(values >= powers, filled, 0).astype(np.uint8)
    return np.concatenate([bare, filled]).view(np.uint32).ravel()


def to_numbers(tokens: NDArray[np.uint8], begin: Ints, end: Ints) -> Integers:
    """The number that stands in the columns begin .. end (not included) of each row: (n,).

    Args:
        tokens: (n, T), digits in those columns.
        begin, end: (n,).
    """
    lengths = end - begin
    width = int(lengths.max(initial=0))
    if width > _READ:
        middle = np.maximum(begin, end - _READ)
        higher = to_numbers(tokens, begin, middle).astype(object)
        return narrowed(higher * 10**_READ + to_numbers(tokens, middle, end))
    # All numbers end at the right edge of a window of equal width.
    padded = np.concatenate([np.zeros(width, np.uint8), tokens.ravel()])
    window = np.arange(len(tokens)) * tokens.shape[1] + end
    value = np.zeros(len(tokens), np.int64)
    for column in range(width):
        digit = padded[window + column] - _ZERO
        digit *= lengths >= width - column
        value *= 10
        value += digit
    return value
