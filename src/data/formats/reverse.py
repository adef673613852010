"""The formats ``reverse`` and ``reverse_all``: the answer, or all numbers, from the units up."""

from __future__ import annotations

from .format import Format, parts


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


class ReverseAll(Reverse):
    """``455+654=`` and ``0101`` for 554 + 456: digits of one place are equally far in each number.

    McLeish et al. 2024 (arXiv 2405.17399).

    >>> REVERSE_ALL.write([554, 6], "+", 560), REVERSE_ALL.ask("554+6=")
    (Record(prompt='455+6=', target='065'), '455+6=')
    >>> REVERSE_ALL.read_prompt("455+6=")
    ([554, 6], '+')
    """

    name = "reverse_all"
    operands_from_units = True

    def operand(self, value: int) -> str:
        """See `Format.operand`."""
        return str(value)[::-1]

    def read_prompt(self, prompt: str) -> tuple[list[int], str]:
        """See `Format.read_prompt`."""
        operands, operators = parts(prompt)
        return [int(x[::-1]) for x in operands], operators

    def ask(self, prompt: str) -> str:
        """See `Format.ask`: turned, as a person writes numbers from the other end."""
        return self.write(*super().read_prompt(prompt), 0).prompt


REVERSE = Reverse()
REVERSE_ALL = ReverseAll()
