"""Divisors of many numbers, and one of them drawn for each."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..data.problems import Ints
from .sieve import MOST_BITS, factored

# Up to this number divisors are looked up in a table, of some ten million entries at most.
_TABULATED = 2**20
# Above so many trial divisions a number is factored instead: where a table has its factors, and
# where they must be searched.
_FEW_TRIALS = 2**9
_TRIALS = 2**13
# Numbers that are factored at once: the lists of their divisors stay in a core's cache.
_FACTORED = 2**10


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


def divisors(terms: Ints, low: int, high: int, hints: Ints | None = None) -> tuple[Ints, Ints]:
    """Divisors from low..high of each term: how many, and all of them in the terms' order.

    >>> counts, flat = divisors(np.array([12, 7, 30]), 2, 6)
    >>> counts.tolist(), flat.tolist()
    ([4, 0, 4], [2, 3, 4, 6, 2, 3, 5, 6])

    Args:
        terms: (n,), none 0, of which every number is a divisor.
        low, high: positive.
        hints: (k, n), what makes it fast for products of them, see `factored`.
    """
    sizes = np.abs(terms)
    largest = int(sizes.max(initial=0))
    tried = _largest_trial(largest, low, high)
    is_known = hints is not None or largest < 2**MOST_BITS
    if tried <= (_FEW_TRIALS if is_known else _TRIALS):
        return _by_trial(sizes, low, high, tried)
    if hints is None:
        hints = np.zeros((0, len(sizes)), np.int64)
    return _by_factors(sizes, hints, low, min(high, largest))


def _by_factors(sizes: Ints, hints: Ints, low: int, high: int) -> tuple[Ints, Ints]:
    counts, flat = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    # A row and its divisor are sorted as one integer.
    bits = high.bit_length()
    height = max(1, min(_FACTORED, 2**62 >> bits))
    for top in range(0, len(sizes), height):
        block = sizes[top : top + height]
        primes = factored(block, hints[:, top : top + height], high)
        rows, found = _products(*primes, len(block), high)
        inside = found >= low
        keys = np.sort((rows[inside] << bits) + found[inside])
        counts.append(np.bincount(keys >> bits, minlength=len(block)))
        flat.append(keys & ((1 << bits) - 1))
    return np.concatenate(counts), np.concatenate(flat)


def _products(rows: Ints, primes: Ints, n: int, high: int) -> tuple[Ints, Ints]:
    """All products up to `high` of some of each row's primes, the empty one among them.

    Args: what `factored` returns, of n numbers.

    Returns:
        The row of each product, and the product.
    """
    begins = np.append(True, (np.diff(rows) > 0) | (np.diff(primes) > 0))[: len(rows)]
    first = np.flatnonzero(begins)
    times = np.diff(np.append(first, len(rows)))
    rows, primes = rows[first], primes[first]
    # The largest prime of each row comes first: few products of large ones are small enough.
    place = np.cumsum(np.bincount(rows, minlength=n))[rows] - 1 - np.arange(len(rows))
    of, products = np.arange(n), np.ones(n, np.int64)
    for i in range(place.max(initial=-1) + 1):
        here = place == i
        prime, power = np.ones(n, np.int64), np.zeros(n, np.int64)
        prime[rows[here]], power[rows[here]] = primes[here], times[here]
        most = high // prime
        all_of, all_products = [of], [products]
        for k in range(1, power.max() + 1):
            small = (products <= most[of]) & (power[of] >= k)
            of, products = of[small], products[small]
            products = products * prime[of]
            all_of.append(of)
            all_products.append(products)
        of, products = np.concatenate(all_of), np.concatenate(all_products)
    return of, products


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
    terms: Ints, hints: Ints, chance: NDArray[np.float64], low: int, high: int, largest: int
) -> Ints:
    """One divisor from low..high of each term, all of them equally likely; 0 if there is none.

    Args:
        terms: (n,), none 0, of which every number is a divisor.
        hints: (k, n), see `factored`; the draws are the same with any.
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
        distinct, first, which = np.unique(sizes[large], return_index=True, return_inverse=True)
        counts, tried = divisors(distinct, low, high, hints[:, large[first]])
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
