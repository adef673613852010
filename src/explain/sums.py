"""Random sums of one shape, so that each digit's place is the same token in all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..common.errors import UserError
from ..config import DataConfig
from ..data.formats import Format, format_of
from ..data.problems import PLUS, Ints, Problems
from ..evaluation.difficulty import carry_columns

# The operands' lengths that are explained: one digit has no carry to pass on, and with each digit
# there are more tokens, places and patches.
SHORTEST, LONGEST = 2, 6
# Of each length of the answer; fewer are no sample.
FEWEST = 50


@dataclass(frozen=True)
class Sums:
    """Sums whose texts have all the same lengths, as tokens.

    Columns are indices of tokens in a row, ``<bos>`` is 0; places are 1 for the units, 2 the tens.

    Attributes:
        operands: (n, 2).
        tokens: (n, T), from ``<bos>`` to ``<eos>``.
        names: of each column: ``a2`` the first operand's tens, ``b2`` the second's, ``s2`` the
            sum's, and ``<bos>``, ``+``, ``=``, ``<eos>``.
    """

    operands: Ints
    tokens: Tensor
    names: list[str]

    @property
    def answer_places(self) -> list[int]:
        """The places that the written answer has."""
        return sorted(int(name[1:]) for name in self.names if name[0] == "s")

    @property
    def answer_digits(self) -> int:
        """Digits of the answer, without zeros that a format puts in front of it."""
        return len(str(int(self.operands[0].sum())))

    def column(self, name: str) -> int:
        """The column of a name; a ValueError if there is none."""
        return self.names.index(name)

    def says(self, place: int) -> int:
        """The column of the token whose next token is the answer's digit of a place."""
        return self.column(f"s{place}") - 1

    @property
    def carries(self) -> NDArray[np.bool_]:
        """Whether something is carried out of the units, the tens and so on: (n, places)."""
        return carry_columns(self.operands)

    def carry_into(self, place: int) -> NDArray[np.bool_]:
        """Whether something is carried into a place, from 2 on: (n,)."""
        low = 10 ** (place - 1)
        return (self.operands % low).sum(1) >= low

    def __getitem__(self, rows: slice | NDArray[np.bool_]) -> Sums:
        return Sums(self.operands[rows], self.tokens[rows], self.names)


@dataclass(frozen=True)
class SumSpace:
    """The sums of a `data:` section whose operands have its largest length.

    Attributes:
        low, high: the operands, of so many digits.
    """

    digits: int
    low: int
    high: int
    format: Format

    @staticmethod
    def of(data: DataConfig) -> SumSpace:
        """The space of a run's own data.

        Raises:
            UserError: for data that has no sums of two such operands, digit by digit.
        """
        # Of as many digits as all numbers up to 999 or 9999 allow: B = 1000 adds one number.
        digits = len(str(data.B + 1)) - 1
        low = max(data.A, 10 ** max(digits - 1, 0))
        if data.N != 2 or "+" not in data.ops or data.modulus:
            said = f"data.N = {data.N}, ops = {data.ops}, modulus = {data.modulus}"
            raise UserError(f"explains sums of two numbers; this one learned with {said}")
        if format_of(data).traced:
            said = "writes steps before the answer"
            raise UserError(f"explains answers digit by digit; format {data.format} {said}")
        if not SHORTEST <= digits <= LONGEST:
            said = f"explains numbers of {SHORTEST} to {LONGEST} digits"
            raise UserError(f"{said}; data.B = {data.B} has all numbers of {digits}")
        if 2 * low >= 10**digits:
            said = f"all sums of two numbers from {low} have {digits + 1} digits"
            raise UserError(f"explains sums with and without a last carry; {said}")
        return SumSpace(digits, low, 10**digits - 1, format_of(data))

    def tokens(self, operands: Ints) -> Tensor:
        """Sums of operands (n, 2) as the format writes them: (n, T), padded on the right."""
        problems = Problems.of(operands, np.full((len(operands), 1), PLUS), "left_to_right")
        return torch.from_numpy(self.format.tokens(problems).astype(np.int64))

    def write(self, operands: Ints) -> Sums:
        """Sums of operands (n, 2), n from 1, whose answers have one length."""
        pair = operands[0].tolist()
        record = self.format.write(pair, "+", sum(pair))
        a, b = record.prompt[:-1].split("+")
        turned = self.format.operands_from_units
        names = ["<bos>", *_places("a", a, turned), "+", *_places("b", b, turned), "="]
        names += [*_places("s", record.target, self.format.from_units), "<eos>"]
        return Sums(operands, self.tokens(operands)[:, : len(names)], names)

    def draw(self, n: int, seed: int) -> tuple[Sums, Sums]:
        """Different random sums, half with as many digits as the operands, half with one more.

        Args:
            n: of both together; fewer where there are not as many.

        Returns:
            The short ones and the long ones.

        Raises:
            UserError: where there are next to none of one kind.
        """
        rng = np.random.default_rng(seed)
        pairs = rng.integers(self.low, self.high + 1, (64 * n, 2))
        # In the order in which they were drawn.
        _, first = np.unique(pairs, axis=0, return_index=True)
        pairs = pairs[np.sort(first)]
        long = pairs.sum(1) >= 10**self.digits
        found = [pairs[mask][: n // 2] for mask in (~long, long)]
        if min(map(len, found)) < FEWEST:
            raise UserError(f"found fewer than {FEWEST} sums of {self.digits} digits to explain")
        short, longer = map(self.write, found)
        return short, longer


def _places(letter: str, text: str, turned: bool) -> Iterator[str]:
    places = range(1, len(text) + 1)
    return (f"{letter}{place}" for place in (places if turned else places[::-1]))
