"""Keyed bijections of [0, size): random orders of any length, computed and not stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Words = NDArray[np.uint64]

_ROUNDS = 5
# Fewer bits leave a round too little to mix; a small size walks on through a larger domain.
_MIN_BITS = 8


class Permutations:
    """One random order of [0, size) for each of several sizes, a row at a time.

    A round multiplies modulo 2^k by an odd number, adds, and folds the upper half of the bits
    onto the lower: each step can be undone, so that no two numbers meet. What falls outside the
    size is sent through again until it is inside ("cycle walking": Black and Rogaway 2002,
    doi 10.1007/3-540-45760-7_9), on average less than once where size > 2^7. It is random enough
    for sampling and no cipher.

    >>> order = Permutations([10], [2026])
    >>> sorted(order(np.arange(10)).tolist())
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    >>> order.inverse(order(np.arange(10))).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]

    Args:
        sizes: each below 2^63.
        entropy: whole numbers that make the orders, as `numpy.random.SeedSequence` takes them.
    """

    def __init__(self, sizes: Sequence[int], entropy: Sequence[int]) -> None:
        self._set(sizes, _keys(len(sizes), entropy))

    @classmethod
    def together(cls, sizes: Sequence[int], entropies: Iterable[Sequence[int]]) -> Self:
        """Orders that are each made alone, computed together.

        >>> one, two = Permutations([300], [1]), Permutations([9], [2])
        >>> both = Permutations.together([300, 9], [[1], [2]])
        >>> both([7, 7], [0, 1]).tolist() == [*one([7]).tolist(), *two([7]).tolist()]
        True

        Args:
            sizes: see `Permutations`.
            entropies: that of each order.
        """
        orders = cls.__new__(cls)
        orders._set(sizes, np.concatenate([_keys(1, entropy) for entropy in entropies], axis=2))
        return orders

    def _set(self, sizes: Sequence[int], keys: Words) -> None:
        bits = [max(_MIN_BITS, (size - 1).bit_length()) for size in sizes]
        self._sizes = np.array(sizes, np.uint64)
        self._masks = np.array([2**k - 1 for k in bits], np.uint64)
        # Half the bits: folding twice is folding not at all.
        self._shifts = np.array([(k + 1) // 2 for k in bits], np.uint64)
        factors, self._terms = keys
        self._factors = factors | np.uint64(1)
        self._inverses = _inverse(self._factors)

    def __call__(self, index: ArrayLike, which: ArrayLike = 0) -> Words:
        """The number that stands at each index.

        Args:
            index: (n,), each in [0, its size).
            which: (n,) or a single number: the size that each index belongs to.
        """
        return self._walk(self._forward, index, which)

    def inverse(self, number: ArrayLike, which: ArrayLike = 0) -> Words:
        """The index at which each number stands."""
        return self._walk(self._backward, number, which)

    def _walk(
        self, step: Callable[[Words, NDArray[np.intp]], Words], x: ArrayLike, which: ArrayLike
    ) -> Words:
        of = np.asarray(which, np.intp)
        x = step(np.asarray(x, np.uint64), of)
        outside = np.flatnonzero(x >= self._sizes[of])
        while len(outside):
            if of.ndim:
                of = np.asarray(which, np.intp)[outside]
            again = step(x[outside], of)
            x[outside] = again
            outside = outside[again >= self._sizes[of]]
        return x

    def _forward(self, x: Words, which: NDArray[np.intp]) -> Words:
        mask, shift = self._masks[which], self._shifts[which]
        for factors, terms in zip(self._factors, self._terms, strict=True):
            x = x * factors[which]
            x += terms[which]
            x &= mask
            x ^= x >> shift
        return x

    def _backward(self, x: Words, which: NDArray[np.intp]) -> Words:
        mask, shift = self._masks[which], self._shifts[which]
        for factors, terms in zip(self._inverses[::-1], self._terms[::-1], strict=True):
            x = x ^ (x >> shift)
            x -= terms[which]
            x *= factors[which]
            x &= mask
        return x


def _keys(n: int, entropy: Sequence[int]) -> Words:
    """Factors and terms of each round of n orders: (2, rounds, n)."""
    keys = np.random.SeedSequence(entropy).generate_state(2 * _ROUNDS * n, np.uint64)
    return keys.reshape(2, _ROUNDS, n).astype(np.uint64)


def _inverse(odd: Words) -> Words:
    """The factor that undoes a multiplication modulo 2^64, and so modulo each 2^k below it."""
    inverse = odd.copy()  # right in 3 bits; each of Newton's steps doubles them
    for _ in range(5):
        inverse *= np.uint64(2) - odd * inverse
    return inverse


def mixed(x: Words) -> Words:
    """A bijection of all 64-bit numbers that leaves no pattern: any bit changes half of them.

    The last steps of splitmix64 (Steele, Lea and Flood 2014, doi 10.1145/2660193.2660195).

    >>> mixed(np.array([0x9E3779B97F4A7C15], np.uint64)).tolist()  # the first number of seed 0
    [16294208416658607535]
    """
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
