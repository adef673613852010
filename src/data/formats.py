"""How a problem is written: operands, operators and an answer as prompt and target, and back.

All that writes, reads, checks, grades or asks problems goes through a `Format`. To add one: a
class with three functions of text, an instance of it in `FORMATS`, its name in
`config.DataConfig.format`.

Of all formats the rest of the program knows this much: the characters are those of the vocabulary,
a prompt ends with its first ``=``, and each operand in it is a run of digits. A target is free to
hold operators and ``=`` too.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ..tokenizer import VOCABULARY, CharTokenizer
from .digits import MAX_DIGITS, Words, numbers_to_words, to_numbers, to_words
from .problems import OPERATORS, Ints, Problems, evaluate
from .records import IDS, Record, Tokens, enclosed, to_records

_ZERO, _NINE = VOCABULARY.index("0"), VOCABULARY.index("9")
# The operators follow each other as in `OPERATORS`.
_PLUS, _MINUS = VOCABULARY.index("+"), VOCABULARY.index("-")
_SYMBOLS = to_words(list(OPERATORS))


class Format(ABC):
    """One way to write problems.

    Attributes:
        name: what `data.format` in params.yaml calls it.
    """

    name: ClassVar[str]

    @abstractmethod
    def write(self, operands: Sequence[int], operators: str, answer: int) -> Record:
        """Prompt and target.

        Args:
            operands: N numbers that are not negative.
            operators: N - 1 of `OPERATORS`.
        """

    @abstractmethod
    def read_prompt(self, prompt: str) -> tuple[list[int], str]:
        """Operands and operators, also of a prompt that `write` would write otherwise.

        Raises:
            ValueError: ``must be of the form ...``.
        """

    @abstractmethod
    def read_target(self, target: str) -> int:
        """The answer.

        Raises:
            ValueError: ``must be ...``.
        """

    def target(self, prompt: str, precedence: str) -> str:
        """The right target of a prompt.

        Raises:
            ValueError: for what is no prompt, and for a division by zero or with a remainder.
        """
        operands, operators = self.read_prompt(prompt)
        return self.write(operands, operators, evaluate(operands, operators, precedence)).target

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

    def columns(self, tokens: Tokens) -> tuple[Ints, Ints, Ints] | None:
        """Operands (n, N), operators (n, N - 1) and answers (n,) of the rows of `tokens`.

        A format for which a loop over rows is too slow overrides this too.

        Returns:
            None where there is no row, and where one is no problem, has another N than the first,
            has a number of more than 63 bits, or another target than `write` gives to its answer.
        """
        read = []
        for record in to_records(tokens):
            try:
                operands, operators = self.read_prompt(record.prompt)
                answer = self.read_target(record.target)
            except ValueError:
                return None
            if self.write(operands, operators, answer).target != record.target:
                return None
            read.append((operands, [OPERATORS.index(symbol) for symbol in operators], answer))
        if not read:
            return None
        try:
            all_operands, all_operators, answers = (
                np.array(column, np.int64) for column in zip(*read, strict=True)
            )
        except (OverflowError, ValueError):  # too large, or of unequal length
            return None
        return all_operands, all_operators, answers


class Plain(Format):
    """A problem as it is written by hand: ``554+456=`` and ``1010``.

    >>> PLAIN.write([554, 456], "+", 1010)
    Record(prompt='554+456=', target='1010')
    >>> PLAIN.read_prompt("2+3*4="), PLAIN.read_target("-7")
    (([2, 3, 4], '+*'), -7)
    """

    name = "plain"
    _prompt = re.compile(r"[0-9]+([-+*/][0-9]+)+=")
    _target = re.compile(r"-?[0-9]+")

    def write(self, operands: Sequence[int], operators: str, answer: int) -> Record:
        """See `Format.write`."""
        behind = "".join(f"{op}{x}" for op, x in zip(operators, operands[1:], strict=True))
        return Record(f"{operands[0]}{behind}=", str(answer))

    def read_prompt(self, prompt: str) -> tuple[list[int], str]:
        """See `Format.read_prompt`; operands may begin with zeros."""
        if not self._prompt.fullmatch(prompt):
            raise ValueError(f"must be of the form 554+456=, operators {' '.join(OPERATORS)}")
        operands = re.split(r"[-+*/]", prompt[:-1])
        return [int(x) for x in operands], "".join(re.findall(r"[-+*/]", prompt))

    def read_target(self, target: str) -> int:
        """See `Format.read_target`."""
        if not self._target.fullmatch(target):
            raise ValueError("must be a whole number in digits")
        return int(target)

    def texts(self, problems: Problems) -> tuple[Words, Words]:
        """See `Format.texts`: a column for each part, as wide as its longest."""
        operands, answers = problems.operands, problems.answers
        prompt = [numbers_to_words(operands[:, 0])]
        for operators, column in zip(problems.operators.T, operands.T[1:], strict=True):
            prompt += [_SYMBOLS[operators], numbers_to_words(column)]
        prompt.append(np.broadcast_to(to_words(["="]), (len(problems), 1)))
        target = [numbers_to_words(np.abs(answers))]
        if (answers < 0).any():
            target.insert(0, np.where(answers < 0, _SYMBOLS[OPERATORS.index("-"), 0], 0)[:, None])
        return np.concatenate(prompt, axis=1), np.concatenate(target, axis=1)

    def columns(self, tokens: Tokens) -> tuple[Ints, Ints, Ints] | None:
        """See `Format.columns`."""
        if not len(tokens):
            return None
        rows = np.arange(len(tokens))
        ends = (tokens == CharTokenizer.eos_id).argmax(1)
        is_equals = tokens == CharTokenizer.equals_id
        equals = is_equals.argmax(1)
        is_digit = (tokens >= _ZERO) & (tokens <= _NINE)
        row, place = np.nonzero((tokens >= _PLUS) & (tokens < CharTokenizer.equals_id))
        is_sign = place > equals[row]
        n_operators = np.bincount(row[~is_sign], minlength=len(tokens))
        if not (
            np.count_nonzero(is_equals) == len(tokens)
            and is_equals[rows, equals].all()
            # Digits first and last, and behind each operator; a minus alone before an answer.
            and is_digit[:, 1].all()
            and is_digit[rows, ends - 1].all()
            and is_digit[row, place + 1].all()
            and ((place == equals[row] + 1) & (tokens[row, place] == _MINUS))[is_sign].all()
            and n_operators[0] > 0
            and (n_operators == n_operators[0]).all()
        ):
            return None
        negative = np.zeros(len(tokens), bool)
        negative[row[is_sign]] = True
        places = place[~is_sign].reshape(len(tokens), -1)
        operators = tokens[rows[:, None], places].astype(np.int64) - _PLUS
        # Of each operand, and of the answer.
        begins = np.column_stack([np.ones_like(equals), places + 1, equals + 1 + negative])
        stops = np.column_stack([places, equals, ends])
        if (stops - begins).max() > MAX_DIGITS:
            return super().columns(tokens)
        spans = zip(begins.T, stops.T, strict=True)
        *operands, sizes = (to_numbers(tokens, *span) for span in spans)
        # Neither 007 nor -0.
        leading_zero = tokens[rows, begins[:, -1]] == _ZERO
        if (leading_zero & ((ends - begins[:, -1] > 1) | negative)).any():
            return None
        return np.column_stack(operands), operators, np.where(negative, -sizes, sizes)


PLAIN = Plain()
FORMATS: dict[str, Format] = {each.name: each for each in (PLAIN,)}
