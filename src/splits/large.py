"""Numbers beyond 63 bits: drawn evenly, and as 64-bit words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..data.problems import Integers

Words = NDArray[np.uint64]


def drawn(low: int, high: int, n: int, rng: np.random.Generator) -> list[int]:
    """n numbers from low..high, each as likely as any other.

    >>> len(drawn(10**30, 10**31 - 1, 3, np.random.default_rng(0)))
    3
    """
    width = high - low + 1
    n_bits = (width - 1).bit_length()
    n_bytes = -(-n_bits // 8)
    spare = 8 * n_bytes - n_bits
    if not n_bytes:
        return [low] * n
    found: list[int] = []
    # More than half of all numbers of so many bits are below the width.
    while missing := n - len(found):
        octets = rng.bytes(missing * n_bytes)
        starts = range(0, len(octets), n_bytes)
        numbers = [int.from_bytes(octets[i : i + n_bytes], "little") >> spare for i in starts]
        found += [low + number for number in numbers if number < width]
    return found


def draw_operands(
    lengths: list[tuple[int, int]], balanced: NDArray[np.bool_], rng: np.random.Generator
) -> Integers:
    """An operand for each row, in Python's integers: (n,).

    Args:
        lengths: smallest and largest operand of each length, see `ProblemSpace.lengths`.
        balanced: (n,), the rows whose operand's length is drawn evenly before its value.
    """
    values = np.array(drawn(lengths[0][0], lengths[-1][1], len(balanced), rng), object)
    length = rng.integers(0, len(lengths), len(balanced))
    for i, (low, high) in enumerate(lengths):
        rows = np.flatnonzero(balanced & (length == i))
        values[rows] = drawn(low, high, len(rows), rng)
    return values


def words_of(numbers: Integers, largest: int) -> Iterator[Words]:
    """The 64-bit words of each number, the last ones first.

    >>> [word.tolist() for word in words_of(np.array([5, 2**64 + 7], object), 2**65)]
    [[5, 7], [0, 1]]

    Args:
        numbers: (n,), from 0 to largest.
    """
    n_words = max(1, -(-largest.bit_length() // 64))
    octets = b"".join([number.to_bytes(8 * n_words, "little") for number in numbers.tolist()])
    yield from np.frombuffer(octets, "<u8").reshape(-1, n_words).astype(np.uint64).T
