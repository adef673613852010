"""Divisors of many numbers, and one of them drawn for each."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .problems import Ints, divisors

# Up to this number divisors are looked up in a table, of some ten million entries at most;
# larger ones are found by trial division, some hundred times slower.
_TABULATED = 2**20


def draw_divisors(
    terms: Ints, luck: NDArray[np.float64], low: int, high: int, largest: int
) -> Ints:
    """One divisor from low..high of each term, all of them equally likely; 0 if there is none.

    Args:
        terms: (n,), none 0, of which every number is a divisor.
        luck: (n,), even in [0, 1).
        low, high: positive.
        largest: no term is larger, whatever its sign; the same in all calls, for speed.
    """
    sizes = np.abs(terms)
    tabulated = min(largest, _TABULATED)
    starts, flat = _table(low, high, tabulated)
    known = np.minimum(sizes, tabulated)
    begin = starts[known]
    count = starts[known + 1] - begin
    nth = (luck * count).astype(np.int64)
    # 0 where there is no divisor: the entry behind the last.
    found = flat[np.where(count > 0, begin + nth, len(flat) - 1)].astype(np.int64)
    if largest > tabulated and len(large := np.flatnonzero(sizes > tabulated)):
        distinct, which = np.unique(sizes[large], return_inverse=True)
        counts, tried = divisors(distinct, low, high)
        nth = (luck[large] * counts[which]).astype(np.int64)
        position = (np.cumsum(counts) - counts)[which] + nth
        found[large] = np.append(tried, 0)[np.where(counts[which] > 0, position, len(tried))]
    return found


@lru_cache(maxsize=1)
def _table(low: int, high: int, largest: int) -> tuple[Ints, NDArray[np.unsignedinteger]]:
    """Those from low..high of 0 .. largest one after the other, a 0, and where each begins.

    A sieve: each divisor up to the square root marks its multiples, and each cofactor below it
    the products with all larger divisors. None is listed for 0.
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
