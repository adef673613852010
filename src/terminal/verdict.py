"""An answer as it is shown: behind its problem, with whether it is right."""

from __future__ import annotations

from ..common.visible import visible
from ..data.formats import Format
from ..data.records import Record


def verdict(record: Record, said: str, written: Format, note: str = "") -> str:
    r"""A problem with what was said to it, and whether that is right.

    >>> from src.data.formats import FORMATS
    >>> plain, scratchpad = FORMATS["plain"], FORMATS["scratchpad"]
    >>> verdict(Record("7*8=", "56"), "899", plain, "trained on + only")
    '7*8=899  wrong, 56 (trained on + only)'
    >>> verdict(Record("12*34=", "84+63=804"), "84+73=804", scratchpad)
    '12*34=84+73=804  right, a step is wrong'
    >>> print(verdict(Record("1+2=", "3"), "3\t\x1b[2J", plain))
    1+2=3\t\x1b[2J  wrong, 3

    Args:
        record: the problem with its right target.
        written: how it is written.
        note: stands in parentheses, if there is one.
    """
    words = written.judge(said, record.target)
    return f"{record.prompt}{visible(said)}  {words}" + (f" ({note})" if note else "")
