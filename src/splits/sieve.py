"""Prime factors of thousands of numbers at once, from a table of smallest prime factors."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..data.problems import Ints
from .factors import prime_factors, small_primes

# The table holds the numbers below 2^24 at most, in 64 MiB.
MOST_BITS = 24


def factored(numbers: Ints, hints: Ints, largest: int) -> tuple[Ints, Ints]:
    """The primes of each number, as often as they divide it; those above `largest` are left out.

    >>> rows, primes = factored(np.array([12, 1, 35]), np.array([[6, 5, 7]]), 100)
    >>> rows.tolist(), primes.tolist()
    ([0, 0, 0, 2, 2], [2, 2, 3, 5, 7])

    Args:
        numbers: (n,), positive.
        hints: (k, n), numbers from 0 up that may have factors in common with each, such as 6 and 8
            with 6 * 8 / 3: then the product is factored as its parts are, which the table knows.
        largest: of the primes. The table knows sums of two numbers up to this.

    Returns:
        Of each prime, which number it divides, and the prime; both in ascending order.
    """
    table = _smallest_factors(min((2 * largest).bit_length(), MOST_BITS))
    pieces = np.concatenate(_pieces(numbers, hints))
    of = np.tile(np.arange(len(numbers)), len(hints) + 1)
    rows, primes = [], []
    large = np.flatnonzero(pieces >= len(table))
    for row, found in zip(of[large].tolist(), prime_factors(pieces[large]), strict=True):
        rows.append(np.full(len(found), row))
        primes.append(np.array(found, np.int64))
    pieces[large] = 1
    while True:
        left = pieces > 1
        of, pieces = of[left], pieces[left]
        if not len(pieces):
            break
        prime = table[pieces].astype(np.int64)
        rows.append(of)
        primes.append(prime)
        pieces = pieces // prime
    row, prime = np.concatenate([of, *rows]), np.concatenate([pieces, *primes])
    row, prime = row[prime <= largest], prime[prime <= largest]
    order = np.lexsort((prime, row))
    return row[order], prime[order]


def _pieces(numbers: Ints, hints: Ints) -> list[Ints]:
    """Factors of each number, their product being the number: what it shares with each hint.

    If a number divides the product of its hints, nothing is left behind the last.
    """
    found = []
    for hint in hints:
        # 0 has all factors in common with any number: that says nothing.
        common = np.gcd(numbers, np.maximum(hint, 1))
        found.append(common)
        numbers = numbers // common
    return [*found, numbers]


@lru_cache(maxsize=1)
def _smallest_factors(n_bits: int) -> NDArray[np.int32]:
    """The smallest prime factor of each number below 2^n_bits: (2^n_bits,). 0 and 1 stay."""
    smallest = np.arange(2**n_bits, dtype=np.int32)
    # The smallest one comes last. They go up to the square root of the largest number.
    for prime in reversed(small_primes()):
        smallest[prime * prime :: prime] = prime
    return smallest
