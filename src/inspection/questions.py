"""A problem that a person typed: whether it can be asked, and the right answer to it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..common.errors import UserError
from ..data.problems import OPERATORS, evaluate
from ..data.records import PROMPT
from ..tokenizer import BOS, EOS, CharTokenizer


def check_question(prompt: str, max_seq_len: int) -> None:
    """See that a model can be asked.

    >>> check_question("554+456=", max_seq_len=64)

    Raises:
        UserError: for what is not a problem, or leaves no room for an answer.
    """
    if not PROMPT.fullmatch(prompt):
        operators = " ".join(OPERATORS)
        raise UserError(f"{prompt}: must be of the form 554+456=, operators {operators}")
    tokens = len(CharTokenizer().encode(BOS + prompt))
    if tokens >= max_seq_len:
        raise UserError(
            f"{prompt}: {tokens} tokens, "
            f"but the model's max_seq_len = {max_seq_len} must hold the answer too"
        )


def right_answer(prompt: str, max_seq_len: int, precedence: str) -> str:
    """What a model should say.

    >>> right_answer("2-3*4=", 64, "left_to_right")
    '-4'

    Args:
        precedence: ``left_to_right`` or ``standard``.

    Raises:
        UserError: as `check_question`, and where there is no whole answer, or no room for it.
    """
    check_question(prompt, max_seq_len)
    try:
        answer = str(evaluate(prompt, precedence))
    except ValueError as error:
        raise UserError(f"{prompt}: {error}") from None
    tokens = len(CharTokenizer().encode(BOS + prompt + answer + EOS))
    if tokens > max_seq_len:
        raise UserError(
            f"{prompt}: {tokens} tokens with its answer, "
            f"but the model's max_seq_len = {max_seq_len}"
        )
    return answer


def unlike(prompt: str, known: Sequence[Mapping[str, Any]]) -> str:
    """In what a problem differs from all that a model was trained on; empty if it does not.

    >>> data = {"ops": "+", "N": 2, "A": 0, "B": 99}
    >>> asked = ["7*8=", "1+2+3=", "1+100=", "1+2="]
    >>> [unlike(prompt, [data]) for prompt in asked]
    ['trained on + only', 'trained on 2 numbers', 'trained on numbers from 0 to 99', '']
    >>> unlike("7*8=", [{**data, "ops": "-"}, data])
    'trained on - only, before that on + only'

    Args:
        known: the `data:` section of each training that the weights went through, the last one
            first; empty where it is not known.
    """
    differences = [_difference(prompt, data) for data in known]
    if not (differences and all(differences)):
        return ""
    return "trained on " + ", before that on ".join(dict.fromkeys(differences))


def _difference(prompt: str, data: Mapping[str, Any]) -> str:
    if not data:
        return ""
    numbers = [int(number) for number in re.findall(r"\d+", prompt)]
    if not set(prompt) & set(OPERATORS) <= set(data["ops"]):
        return f"{' '.join(data['ops'])} only"
    if len(numbers) != data["N"]:
        return f"{data['N']} numbers"
    if not all(data["A"] <= number <= data["B"] for number in numbers):
        return f"numbers from {data['A']} to {data['B']}"
    return ""
