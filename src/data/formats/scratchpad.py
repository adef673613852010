"""The format ``scratchpad``: the results of the steps by hand stand before the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from .by_hand import added, digits, divided, subtracted
from .format import Format

Steps = Callable[[int, int], str]


def _sum(a: int, b: int) -> str:
    """Digit and carry of each place."""
    return "/".join(f"{p.digit}{p.after}" for p in added(a, b)) + "="


def _difference(a: int, b: int) -> str:
    """The sign, then digit and borrow of each place, the smaller number taken from the larger."""
    places = subtracted(max(a, b), min(a, b))
    return "-" * (a < b) + "/".join(f"{p.digit}{p.after}" for p in places) + "="


def _product(a: int, b: int) -> str:
    """The product with each digit of b; from the second one on, with the sum so far."""
    total, steps = 0, ""
    for place, digit in enumerate(digits(b)):
        total += a * digit * 10**place
        part = str(a * digit)[::-1]
        steps += f"+{part}={str(total)[::-1]}" if place else part
    # The last sum is the answer, which follows.
    return steps[: steps.rfind("=") + 1]


def _quotient(a: int, b: int) -> str:
    """For each digit of a, from the first one on: a digit of the quotient, and what is left."""
    steps = (f"{quotient}{str(rest)[::-1]}" for _, quotient, rest in divided(a, b))
    return "/".join(steps) + "="


class Scratchpad(Format):
    """Two operands, and what a person notes down; each number from the units up.

    Lee et al. 2023 (arXiv 2307.03381) call a like one "simplified scratchpad".

    >>> SCRATCHPAD.write([554, 456], "+", 1010).target  # 4+6: 0 carry 1, 5+5+1: 1 carry 1, ...
    '01/11/01=0101'
    >>> SCRATCHPAD.write([34, 112], "-", -78).target  # 2-4: 8 borrow 1, 1-3-1: 7 borrow 1, ...
    '-81/71/00=-87'
    >>> SCRATCHPAD.write([12, 34], "*", 408).target  # 12*4 = 48, 12*3 = 36, 48 + 360 = 408
    '84+63=804'
    >>> SCRATCHPAD.write([408, 12], "/", 34).target  # 4/12: 0 rest 4, 40/12: 3 rest 4, ...
    '04/34/40=43'
    >>> SCRATCHPAD.answer_in("84+63=804"), SCRATCHPAD.read_target("84+63=804")
    ('804', 408)
    """

    name = "scratchpad"
    from_units = traced = True
    by_operator: ClassVar[dict[str, Steps]] = {
        "+": _sum,
        "-": _difference,
        "*": _product,
        "/": _quotient,
    }

    def steps(self, operands: Sequence[int], operators: str, answer: int) -> str:
        """See `Format.steps`.

        Raises:
            ValueError: for more than two operands, and for a division by zero.
        """
        if len(operands) != 2:
            raise ValueError("must have two operands")
        a, b = operands
        if operators == "/" and not b:
            raise ValueError(f"{a}/0 has no whole result")
        return self.by_operator[operators](a, b)


SCRATCHPAD = Scratchpad()
