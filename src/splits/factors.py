"""Prime factors of whole numbers below 2^63."""

from __future__ import annotations

import math
from functools import cache
from itertools import count

import numpy as np

from ..data.problems import Ints

# Primes up to this number are tried on all numbers at once; what is left below its square is
# prime.
_TRIED = 2**12
# Steps of Pollard's walk between two greatest common divisors.
_BATCH = 128
# They tell all composite numbers below 2^64 (Jim Sinclair, 2011, miller-rabin.appspot.com).
_WITNESSES = (2, 325, 9375, 28178, 450775, 9780504, 1795265022)


def prime_factors(numbers: Ints) -> list[list[int]]:
    """The primes of each number, as often as they divide it.

    >>> prime_factors(np.array([12, 1, 4294967311 * 1000003]))
    [[2, 2, 3], [], [1000003, 4294967311]]

    Args:
        numbers: (n,), positive.
    """
    rest = numbers.copy()
    factors: list[list[int]] = [[] for _ in range(len(rest))]
    for prime in small_primes():
        rows = np.flatnonzero(rest % prime == 0)
        while len(rows):
            rest[rows] //= prime
            for row in rows.tolist():
                factors[row].append(prime)
            rows = rows[rest[rows] % prime == 0]
    for found, large in zip(factors, rest.tolist(), strict=True):
        found += sorted(_primes_of(large))
    return factors


@cache
def small_primes() -> list[int]:
    """The primes up to 2^12."""
    numbers = np.arange(2, _TRIED)
    composite = (numbers[:, None] % np.arange(2, math.isqrt(_TRIED) + 1) == 0).sum(1)
    return numbers[composite == (numbers <= math.isqrt(_TRIED))].tolist()


def _primes_of(n: int) -> list[int]:
    """The primes of a number that has none of the small ones."""
    if n == 1:
        return []
    if n < _TRIED**2 or _is_prime(n):
        return [n]
    factor = _proper_factor(n)
    return _primes_of(factor) + _primes_of(n // factor)


def _is_prime(n: int) -> bool:
    """The test of Miller and Rabin, certain below 2^64, for an odd n above 2."""
    twos = ((n - 1) & -(n - 1)).bit_length() - 1
    for witness in _WITNESSES:
        x = pow(witness, (n - 1) >> twos, n)
        if x in (0, 1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def _proper_factor(n: int) -> int:
    """A factor of a composite n, neither 1 nor n, found in about n^(1/4) steps.

    Pollard's walk (1975, doi 10.1007/BF01933667) as Brent has it (1980,
    doi 10.1007/BF01933190): numbers are multiplied up, and one greatest common divisor serves
    many of them.
    """
    for addend in count(1):
        y, divisor, length, product = 2, 1, 1, 1
        while divisor == 1:
            x = y
            for _ in range(length):
                y = (y * y + addend) % n
            for done in range(0, length, _BATCH):
                before = y
                for _ in range(min(_BATCH, length - done)):
                    y = (y * y + addend) % n
                    product = product * (x - y) % n
                divisor = math.gcd(product, n)
                if divisor > 1:
                    break
            length *= 2
        if divisor == n:
            # Several factors were met within a batch: go through it one step at a time.
            divisor, y = 1, before
            while divisor == 1:
                y = (y * y + addend) % n
                divisor = math.gcd(x - y, n)
        if divisor < n:
            return divisor
    raise AssertionError  # the walks are without end
