"""The format ``detailed``: each step by hand is written out before the answer."""

from __future__ import annotations

from typing import ClassVar

from .by_hand import added, digits, divided, subtracted
from .scratchpad import Scratchpad, Steps


def _sum(a: int, b: int) -> str:
    """Of each place: digit + digit + carry = digit and carry."""
    steps = (f"{p.x}+{p.y}+{p.carry}={p.digit}{p.after}" for p in added(a, b))
    return "/".join(steps) + "="


def _difference(a: int, b: int) -> str:
    """The sign, then of each place: digit - digit - borrow = digit and borrow."""
    places = subtracted(max(a, b), min(a, b))
    steps = (f"{p.x}-{p.y}-{p.carry}={p.digit}{p.after}" for p in places)
    return "-" * (a < b) + "/".join(steps) + "="


def _product(a: int, b: int) -> str:
    """Of each pair of digits: their product + digit of the sum so far + carry = digit and carry."""
    total, steps = [0] * len(digits(a)), []
    for place, y in enumerate(digits(b)):
        carry = 0
        for i, x in enumerate(digits(a), start=place):
            after, digit = divmod(x * y + total[i] + carry, 10)
            steps.append(f"{x}*{y}+{total[i]}+{carry}={digit}{after}")
            total[i], carry = digit, after
        total.append(carry)
    return "/".join(steps) + "="


def _quotient(a: int, b: int) -> str:
    """For each digit of a, from the first one on: b * digit + rest = what is divided there."""
    steps = []
    for number, quotient, rest in divided(a, b):
        turned = (str(each)[::-1] for each in (b, quotient, rest, number))
        steps.append("{}*{}+{}={}".format(*turned))
    return "/".join(steps) + "="


class Detailed(Scratchpad):
    """``scratchpad`` with each step written out; each number from the units up.

    Lee et al. 2023 (arXiv 2307.03381) have one of 263 characters a problem; these are some 40.

    >>> DETAILED.write([554, 456], "+", 1010).target
    '4+6+0=01/5+5+1=11/5+4+1=01=0101'
    >>> DETAILED.write([34, 112], "-", -78).target
    '-2-4-0=81/1-3-1=71/1-0-1=00=-87'
    >>> DETAILED.write([12, 34], "*", 408).target
    '2*4+0+0=80/1*4+0+0=40/2*3+4+0=01/1*3+0+1=40=804'
    >>> DETAILED.write([408, 12], "/", 34).target
    '21*0+4=4/21*3+4=04/21*4+0=84=43'
    """

    name = "detailed"
    by_operator: ClassVar[dict[str, Steps]] = {
        "+": _sum,
        "-": _difference,
        "*": _product,
        "/": _quotient,
    }


DETAILED = Detailed()
