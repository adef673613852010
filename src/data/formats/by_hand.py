"""Two numbers worked out by hand: what comes in, and what comes out, at each step."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple


class Place(NamedTuple):
    """One place of a sum or a difference.

    Attributes:
        x, y: the digits of the two numbers there.
        carry: what comes from the place before; of a difference, what was borrowed.
        digit: the digit of the result.
        after: what is carried, or borrowed, next.
    """

    x: int
    y: int
    carry: int
    digit: int
    after: int


def digits(value: int) -> list[int]:
    """The digits of a number, units first.

    >>> digits(408)
    [8, 0, 4]
    """
    return [int(digit) for digit in reversed(str(value))]


def added(a: int, b: int) -> Iterator[Place]:
    """The places of a + b, units first.

    >>> [tuple(place) for place in added(54, 8)]
    [(4, 8, 0, 2, 1), (5, 0, 1, 6, 0)]
    """
    carry = 0
    for x, y in zip_longest(digits(a), digits(b), fillvalue=0):
        after, digit = divmod(x + y + carry, 10)
        yield Place(x, y, carry, digit, after)
        carry = after


def subtracted(larger: int, smaller: int) -> Iterator[Place]:
    """The places of larger - smaller, units first.

    >>> [tuple(place) for place in subtracted(54, 8)]
    [(4, 8, 0, 6, 1), (5, 0, 1, 4, 0)]
    """
    borrow = 0
    for x, y in zip_longest(digits(larger), digits(smaller), fillvalue=0):
        after = int(x < y + borrow)
        yield Place(x, y, borrow, 10 * after + x - y - borrow, after)
        borrow = after


def divided(a: int, b: int) -> Iterator[tuple[int, int, int]]:
    """For each digit of a, from the first one on: what b divides there, how often, what is left.

    >>> list(divided(408, 12))
    [(4, 0, 4), (40, 3, 4), (48, 4, 0)]
    """
    rest = 0
    for digit in reversed(digits(a)):
        number = 10 * rest + digit
        quotient, rest = divmod(number, b)
        yield number, quotient, rest
