"""Numbers of any size: drawn evenly, and as 64-bit words."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal

import numpy as np
from numpy.typing import NDArray

from ..data.problems import Integers, Ints

Words = NDArray[np.uint64]


def of_length(digits: int) -> tuple[int, int]:
    """The smallest and the largest number of so many digits.

    >>> of_length(1), of_length(3)
    ((0, 9), (100, 999))
    """
    return 10 ** (digits - 1) if digits > 1 else 0, 10**digits - 1


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


def of_lengths(lengths: list[tuple[int, int]], which: Ints, rng: np.random.Generator) -> Integers:
    """A number of a length for each row: (n,).

    Args:
        lengths: smallest and largest number of each, see `ProblemSpace.lengths`.
        which: (n,), the length of each row, an index into `lengths`.
    """
    if lengths[-1][1] < 2**62:
        low, high = np.array(lengths).T
        return rng.integers(low[which], high[which], endpoint=True)
    values = np.empty(len(which), object)
    for i in np.unique(which).tolist():
        rows = np.flatnonzero(which == i)
        values[rows] = drawn(lengths[i][0], lengths[i][1], len(rows), rng)
    return values


def length_weights(lengths: list[tuple[int, int]], exponent: float) -> list[int]:
    """Chances of the lengths in whole numbers: (how many numbers have it) ** exponent.

    In decimals, as the powers of floating point differ between machines.

    >>> length_weights([(0, 9), (10, 99)], 0.0)
    [1, 1]
    >>> short, long = length_weights([(0, 9), (10, 99)], 0.5)
    >>> round(long / short, 6)
    3.0

    Args:
        lengths: smallest and largest number of each, see `ProblemSpace.lengths`.
        exponent: 0: evenly; 1: as many as there are numbers.
    """
    if not exponent:
        return [1] * len(lengths)
    exact = Context(prec=50)
    counts = [exact.create_decimal(high - low + 1) for low, high in lengths]
    powers = [exact.power(count, Decimal(exponent)) for count in counts]
    # Together they fit in int64; a length that is rare beyond that may still come.
    scale = exact.divide(Decimal(2**53), max(powers))
    return [max(1, int(exact.multiply(power, scale))) for power in powers]


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
