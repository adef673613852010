"""The format ``plain``: a problem as it is written by hand."""

from __future__ import annotations

import sys

import numpy as np

from ...tokenizer import VOCABULARY, CharTokenizer
from ..digits import Words, numbers_to_words, to_numbers, to_words
from ..problems import OPERATORS, Integers, Ints, Problems, narrowed
from ..records import Tokens
from .format import Format

_ZERO, _NINE = VOCABULARY.index("0"), VOCABULARY.index("9")
# The operators follow each other as in `OPERATORS`.
_PLUS, _MINUS = VOCABULARY.index("+"), VOCABULARY.index("-")
_SYMBOLS = to_words(list(OPERATORS))


class Plain(Format):
    """A problem as it is written by hand: ``554+456=`` and ``1010``.

    >>> PLAIN.write([554, 456], "+", 1010)
    Record(prompt='554+456=', target='1010')
    >>> PLAIN.read_prompt("2+3*4="), PLAIN.read_target("-7")
    (([2, 3, 4], '+*'), -7)
    """

    name = "plain"

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

    def columns(self, tokens: Tokens) -> tuple[Integers, Ints, Integers] | None:
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
        if (stops - begins).max() > sys.get_int_max_str_digits():
            return None
        spans = zip(begins.T, stops.T, strict=True)
        *operands, sizes = (to_numbers(tokens, *span) for span in spans)
        # Neither 007 nor -0.
        leading_zero = tokens[rows, begins[:, -1]] == _ZERO
        if (leading_zero & ((ends - begins[:, -1] > 1) | negative)).any():
            return None
        answers = np.where(negative, -sizes, sizes)
        return np.column_stack(operands), operators, narrowed(answers)


PLAIN = Plain()
