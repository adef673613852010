"""What a format is: a problem as prompt and target, and back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ...config import DataConfig
from ...tokenizer import CharTokenizer
from ..digits import Words, to_words
from ..problems import OPERATORS, Integers, Ints, Problems, narrowed
from ..records import IDS, Record, Tokens, enclosed, to_records

_PROMPT = re.compile(r"[0-9]+([-+*/][0-9]+)+=")
_NUMBER = re.compile(r"-?[0-9]+")


def parts(prompt: str) -> tuple[list[str], str]:
    """The operands of a prompt, as they are written, and its operators.

    >>> parts("2+03*4=")
    (['2', '03', '4'], '+*')

    Raises:
        ValueError: ``must be of the form ...``.
    """
    if not _PROMPT.fullmatch(prompt):
        raise ValueError(f"must be of the form 554+456=, operators {' '.join(OPERATORS)}")
    return re.split(r"[-+*/]", prompt[:-1]), "".join(re.findall(r"[-+*/]", prompt))


class Format:
    """One way to write problems: a prompt, and as its target steps, if any, and the answer.

    Attributes:
        name: what `data.format` in params.yaml calls it.
        from_units: whether an answer's digits are written from the units up, behind its sign.
        operands_from_units: whether operands are too.
        traced: whether targets show steps. The answer is what stands behind the last ``=``, and a
            right one may follow wrong steps.
        answer_width: digits of an answer at least; zeros stand in front of a shorter one.
    """

    name: ClassVar[str]
    from_units: ClassVar[bool] = False
    operands_from_units: ClassVar[bool] = False
    traced: ClassVar[bool] = False
    answer_width: int = 1

    def fitted(self, data: DataConfig) -> Format:
        """The same for the problems of a `data:` section, such as with widths for its numbers."""
        return self

    def __str__(self) -> str:
        """Such as ``reverse: 554+456=0101``."""
        return "{}: {}{}".format(self.name, *self.write([554, 456], "+", 1010))

    def operand(self, value: int) -> str:
        """An operand as it is written."""
        return str(value)

    def answer(self, value: int) -> str:
        """An answer as it is written."""
        return "-" * (value < 0) + self._turned(str(abs(value)).zfill(self.answer_width))

    def steps(self, operands: Sequence[int], operators: str, answer: int) -> str:
        """What stands before the answer in a target, with the ``=`` between them."""
        return ""

    def write(self, operands: Sequence[int], operators: str, answer: int) -> Record:
        """Prompt and target.

        Args:
            operands: N numbers that are not negative.
            operators: N - 1 of `OPERATORS`.

        Raises:
            ValueError: for a problem whose steps the format does not know.
        """
        first, *others = map(self.operand, operands)
        behind = "".join(f"{op}{x}" for op, x in zip(operators, others, strict=True))
        target = self.steps(operands, operators, answer) + self.answer(answer)
        return Record(f"{first}{behind}=", target)

    def read_prompt(self, prompt: str) -> tuple[list[int], str]:
        """Operands and operators, also of a prompt that `write` would write otherwise.

        Operands may begin with zeros.

        Raises:
            ValueError: ``must be of the form ...``.
        """
        operands, operators = parts(prompt)
        return [int(x) for x in operands], operators

    def read_target(self, target: str) -> int:
        """The answer, whether or not the steps before it are right.

        Raises:
            ValueError: ``must be ...``.
        """
        number = self.answer_in(target)
        if not _NUMBER.fullmatch(number):
            raise ValueError("must be a whole number in digits")
        size = int(self._turned(number.removeprefix("-")))
        return -size if number.startswith("-") else size

    def answer_in(self, target: str) -> str:
        """The part of a target, right or wrong, that is its answer."""
        return target.rpartition("=")[2] if self.traced else target

    def is_right(self, said: str, target: str) -> bool:
        """Whether what is said holds the answer of the right target, whatever its steps."""
        return self.answer_in(said) == self.answer_in(target)

    def judge(self, said: str, target: str) -> str:
        """``right``, ``right, a step is wrong``, or ``wrong,`` and the right target."""
        if not self.is_right(said, target):
            return f"wrong, {target}"
        return "right" if said == target else "right, a step is wrong"

    def ask(self, prompt: str) -> str:
        """The prompt that a model is asked for a problem that a person typed.

        Raises:
            ValueError: as `read_prompt`.
        """
        self.read_prompt(prompt)
        return prompt

    def texts(self, problems: Problems) -> tuple[Words, Words]:
        """Prompts and targets of many problems: (n, words) each, see `Words`.

        A format for which a loop over rows is too slow overrides this; `tokens` follows.
        """
        operators = ["".join(OPERATORS[i] for i in row) for row in problems.operators.tolist()]
        rows = zip(problems.operands.tolist(), operators, problems.answers.tolist(), strict=True)
        records = [self.write(*row) for row in rows]
        return to_words([r.prompt for r in records]), to_words([r.target for r in records])

    def tokens(self, problems: Problems) -> Tokens:
        """Token ids of ``<bos>prompt target<eos>``, padded on the right: (n, longest)."""
        characters = np.concatenate(self.texts(problems), axis=1).view(np.uint8)
        # Without the gaps.
        written = characters != 0
        lengths = written.sum(1)
        longest = int(lengths.max(initial=0))
        ids = np.full((len(problems), longest), CharTokenizer.pad_id, np.uint8)
        ids[np.arange(longest) < lengths[:, None]] = IDS[characters[written]]
        return enclosed(ids, lengths)

    def columns(self, tokens: Tokens) -> tuple[Integers, Ints, Integers] | None:
        """Operands (n, N), operators (n, N - 1) and answers (n,) of the rows of `tokens`.

        Operands and answers are Python's integers where one of them does not fit in int64. A
        format for which a loop over rows is too slow overrides this too.

        Returns:
            None where there is no row, and where one is no problem, has another N than the first,
            or another target than `write` gives to its answer.
        """
        read = []
        for record in to_records(tokens):
            try:
                operands, operators = self.read_prompt(record.prompt)
                answer = self.read_target(record.target)
                written = self.write(operands, operators, answer)
            except ValueError:
                return None
            if written.target != record.target:
                return None
            read.append((operands, [OPERATORS.index(symbol) for symbol in operators], answer))
        if not read:
            return None
        all_operands, all_operators, answers = zip(*read, strict=True)
        if len(set(map(len, all_operands))) > 1:
            return None
        numbers = (narrowed(np.array(column, object)) for column in (all_operands, answers))
        return next(numbers), np.array(all_operators, np.int64), next(numbers)

    def _turned(self, digits: str) -> str:
        return digits[::-1] if self.from_units else digits
