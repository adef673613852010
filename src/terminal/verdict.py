"""An answer as it is shown: behind its problem, with whether it is right."""

from __future__ import annotations

from ..common.visible import visible


def verdict(prompt: str, said: str, target: str, note: str = "") -> str:
    r"""A problem with what was said to it, and whether that is right.

    >>> verdict("7*8=", "899", "56", "trained on + only")
    '7*8=899  wrong, 56 (trained on + only)'
    >>> print(verdict("1+2=", "3\t\x1b[2J", "3"))
    1+2=3\t\x1b[2J  wrong, 3

    Args:
        target: the right answer.
        note: stands in parentheses, if there is one.
    """
    words = "right" if said == target else f"wrong, {target}"
    return f"{prompt}{visible(said)}  {words}" + (f" ({note})" if note else "")
