"""Divisors of many numbers, and one of them drawn for each."""

from __future__ import annotations

import math
from collections import Counter
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..data.problems import Ints
from .factors import prime_factors

# Up to this number divisors are looked up in a table, of some ten million entries at most.
_TABULATED = 2**20
# Above so many trial divisions a number is factored instead.
_TRIALS = 2**13


def n_trials(terms: Ints, low: int, high: int, counting: bool = False) -> int:
    """Cost of `divisors`, or if counting of `count_divisors`, in trial divisions."""
    largest = int(np.abs(terms).max(initial=0))
    if counting and largest <= _TABULATED:
        return 16 * _TABULATED
    tried = _largest_trial(largest, low, high)
    # Factoring takes some steps of Python in proportion to the fourth root.
    walk = _TRIALS + 16 * math.isqrt(math.isqrt(largest))
    return len(terms) * (tried if tried <= _TRIALS else walk)


def _largest_trial(largest: int, low: int, high: int) -> int:
    """The largest number to divide by, to meet each divisor from low..high or its cofactor."""
    return min(math.isqrt(largest), largest // low, high)


def count_divisors(terms: Ints, low: int, high: int) -> Ints:
    """How many divisors from low..high each term has, see `divisors`: (n,)."""
    sizes = np.abs(terms)
    largest = int(sizes.max(initial=0))
    if largest > _TABULATED:
        return divisors(terms, low, high)[0]
    starts = _table(low, high, largest)[0]
    return starts[sizes + 1] - starts[sizes]


def divisors(terms: Ints, low: int, high: int) -> tuple[Ints, Ints]:
    """Divisors from low..high of each term: how many, and all of them in the terms' order.

    >>> counts, flat = divisors(np.array([12, 7, 30]), 2, 6)
    >>> counts.tolist(), flat.tolist()
    ([4, 0, 4], [2, 3, 4, 6, 2, 3, 5, 6])

    Args:
        terms: (n,), none 0, of which every number is a divisor.
        low, high: positive.
    """
    sizes = np.abs(terms)
    tried = _largest_trial(int(sizes.max(initial=0)), low, high)
    return (_by_trial if tried <= _TRIALS else _by_factors)(sizes, low, high, tried)


def _by_factors(sizes: Ints, low: int, high: int, _: int) -> tuple[Ints, Ints]:
    counts: list[int] = []
    flat: list[int] = []
    for primes in prime_factors(sizes):
        products = [1]
        for prime, times in Counter(primes).items():
            powers = [prime**k for k in range(times + 1)]
            products = [p * power for p in products for power in powers if p * power <= high]
        inside = sorted(product for product in products if product >= low)
        counts.append(len(inside))
        flat += inside
    return np.array(counts, np.int64), np.array(flat, np.int64)


def _by_trial(sizes: Ints, low: int, high: int, tried: int) -> tuple[Ints, Ints]:
    """By dividing by 1, 2, 3 ..: each number that divides gives a divisor and its cofactor."""
    rows = [np.zeros(0, np.int64)]
    found = [np.zeros(0, np.int64)]
    # Blocks of the table of quotients, rows by trial divisors, stay in a core's cache.
    width = max(1, min(tried, 2**14))
    height = 2**16 // width
    for top in range(0, len(sizes), height):
        block = sizes[top : top + height, None]
        for left in range(1, tried + 1, width):
            small = np.arange(left, min(left + width, tried + 1))
            quotients = block // small
            row, column = np.nonzero(quotients * small == block)
            divisor, cofactor = small[column], quotients[row, column]
            first, second = divisor <= cofactor, divisor < cofactor
            rows += [top + row[first], top + row[second]]
            found += [divisor[first], cofactor[second]]
    all_rows, all_found = np.concatenate(rows), np.concatenate(found)
    in_range = (all_found >= low) & (all_found <= high)
    all_rows, all_found = all_rows[in_range], all_found[in_range]
    counts = np.bincount(all_rows, minlength=len(sizes))
    return counts, all_found[np.lexsort((all_found, all_rows))]


def draw_divisors(
    terms: Ints, chance: NDArray[np.float64], low: int, high: int, largest: int
) -> Ints:
    """One divisor from low..high of each term, all of them equally likely; 0 if there is none.

    Args:
        terms: (n,), none 0, of which every number is a divisor.
        chance: (n,), uniform in [0, 1); picks among a term's divisors.
        low, high: positive.
        largest: bound on the terms' sizes; a table is built once for each bound.
    """
    sizes = np.abs(terms)
    tabulated = min(largest, _TABULATED)
    starts, flat = _table(low, high, tabulated)
    known = np.minimum(sizes, tabulated)
    begin = starts[known]
    count = starts[known + 1] - begin
    nth = (chance * count).astype(np.int64)
    # 0 where there is no divisor: the entry behind the last.
    found = flat[np.where(count > 0, begin + nth, len(flat) - 1)].astype(np.int64)
    if largest > tabulated and len(large := np.flatnonzero(sizes > tabulated)):
        distinct, which = np.unique(sizes[large], return_inverse=True)
        counts, tried = divisors(distinct, low, high)
        nth = (chance[large] * counts[which]).astype(np.int64)
        position = (np.cumsum(counts) - counts)[which] + nth
        found[large] = np.append(tried, 0)[np.where(counts[which] > 0, position, len(tried))]
    return found


@lru_cache(maxsize=1)
def _table(low: int, high: int, largest: int) -> tuple[Ints, NDArray[np.unsignedinteger]]:
    """Where the divisors of each number begin in a list, and that list, with a 0 at its end.

    The numbers are 0 .. largest, and the divisors those from low..high; none is listed for 0. A
    sieve: each divisor up to the square root marks its multiples, and each cofactor below it the
    products with all larger divisors.
    """
    high = min(high, largest)
    root = min(int(largest**0.5), high)
    spans = [(slice(d, None, d), np.array([d])) for d in range(low, root + 1)]
    larger = max(low, root + 1)
    for cofactor in range(1, largest // larger + 1):
        top = min(high, largest // cofactor)
        if top < larger:
            continue
        products = slice(cofactor * larger, cofactor * top + 1, cofactor)
        spans.append((products, np.arange(larger, top + 1)))
    counts = np.zeros(largest + 2, np.int64)
    for multiples, _ in spans:
        counts[1:][multiples] += 1
    starts = np.cumsum(counts)
    flat = np.zeros(starts[-1] + 1, np.min_scalar_type(high))
    free = starts[:-1].copy()
    for multiples, found in spans:
        flat[free[multiples]] = found
        free[multiples] += 1
    return starts, flat
