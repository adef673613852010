"""The formats ``padded`` and ``reverse_padded``: all operands equally long, and all answers."""

from __future__ import annotations

from dataclasses import dataclass

from ...config import DataConfig
from .format import Format


@dataclass(frozen=True)
class Padded(Format):
    """Zeros in front of numbers, up to the longest of the data: a place has a fixed position.

    >>> padded = Padded(3, 4)
    >>> padded.write([54, 6], "+", 60)
    Record(prompt='054+006=', target='0060')
    >>> padded.ask("54+6="), padded.read_prompt("054+006="), padded.read_target("-0060")
    ('054+006=', ([54, 6], '+'), -60)

    Attributes:
        operand_width, answer_width: digits of each; longer numbers are written as they are.
    """

    # Those of the example in help texts; data says its own.
    operand_width: int = 4
    answer_width: int = 5

    name = "padded"

    def fitted(self, data: DataConfig) -> Padded:
        """See `Format.fitted`."""
        return type(self)(len(str(data.B)), len(str(data.largest_answer)))

    def operand(self, value: int) -> str:
        """See `Format.operand`."""
        return str(value).zfill(self.operand_width)

    def ask(self, prompt: str) -> str:
        """See `Format.ask`: with the zeros that a person leaves out."""
        return self.write(*self.read_prompt(prompt), 0).prompt


@dataclass(frozen=True)
class ReversePadded(Padded):
    """``padded`` with the answer from the units up, behind its sign.

    >>> ReversePadded(3, 4).write([54, 6], "+", 60)
    Record(prompt='054+006=', target='0600')
    """

    name = "reverse_padded"
    from_units = True


PADDED = Padded()
REVERSE_PADDED = ReversePadded()
