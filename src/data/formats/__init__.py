"""How a problem is written: operands, operators and an answer as prompt and target, and back.

All that writes, reads, checks, grades or asks problems goes through a `Format`. To add one: a file
with a class that says how it differs, an entry here, its name in `config.DataConfig.format`.

Of all formats the rest of the program knows this much: the characters are those of the vocabulary,
a prompt ends with its first ``=``, and each operand in it is a run of digits. A target is free to
hold operators and ``=`` too.
"""

from __future__ import annotations

from ...config import DataConfig
from .detailed import DETAILED
from .format import Format
from .padded import PADDED, REVERSE_PADDED
from .plain import PLAIN
from .reverse import REVERSE, REVERSE_ALL
from .scratchpad import SCRATCHPAD

__all__ = ["FORMATS", "PLAIN", "Format", "format_of"]

FORMATS: dict[str, Format] = {
    each.name: each
    for each in (PLAIN, REVERSE, REVERSE_ALL, PADDED, REVERSE_PADDED, SCRATCHPAD, DETAILED)
}


def format_of(data: DataConfig) -> Format:
    """The format of the problems that a `data:` section describes."""
    return FORMATS[data.format].fitted(data)
