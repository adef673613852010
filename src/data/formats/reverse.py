"""The format ``reverse``: the answer from the units up."""

from __future__ import annotations

from .format import Format


class Reverse(Format):
    """``554+456=`` and ``0101``: each digit of a sum follows from what is known already.

    Lee et al. 2023 (arXiv 2307.03381). A sign stands first, as the digits depend on it.

    >>> REVERSE.write([554, 456], "+", 1010)
    Record(prompt='554+456=', target='0101')
    >>> REVERSE.write([12, 132], "-", -120).target, REVERSE.read_target("-021")
    ('-021', -120)
    """

    name = "reverse"
    from_units = True


REVERSE = Reverse()
