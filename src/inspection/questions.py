"""A problem that a person typed: whether it can be asked, and the right answer to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..common.errors import UserError
from ..common.visible import excerpt
from ..data.description import Convention
from ..data.formats import Format
from ..data.records import Record
from ..tokenizer import CharTokenizer


def check_question(prompt: str, max_seq_len: float, written: Format) -> None:
    """Check that a model can be asked a problem.

    >>> from src.data.formats import PLAIN
    >>> check_question("554+456=", max_seq_len=64, written=PLAIN)

    Raises:
        UserError: for what is not a problem, or leaves no room for an answer.
    """
    # <bos> and a token each character; first, as Python reads no number of thousands of digits.
    if len(prompt) + 1 >= max_seq_len:
        raise UserError(
            f"{excerpt(prompt)}: {len(prompt) + 1} tokens, "
            f"but the model's max_seq_len = {max_seq_len} must hold the answer too"
        )
    try:
        written.read_prompt(prompt)
    except ValueError as error:
        raise UserError(f"{excerpt(prompt)}: {error}") from None


def question(prompt: str, max_seq_len: float, convention: Convention) -> Record:
    """What a model is asked for a problem that a person typed, and the right target.

    >>> from src.data.formats import FORMATS, PLAIN
    >>> question("2-3*4=", 64, Convention(PLAIN, "left_to_right"))
    Record(prompt='2-3*4=', target='-4')
    >>> question("54+6=", 64, Convention(FORMATS["padded"], "left_to_right"))
    Record(prompt='0054+0006=', target='00060')

    Args:
        max_seq_len: the model's, in our tokens; infinite for one that reads others.
        convention: that of the data which the model was trained on.

    Raises:
        UserError: as `check_question`, and where there is no whole answer, or no room for it.
    """
    check_question(prompt, max_seq_len, convention.format)
    try:
        asked = convention.format.ask(prompt)
        record = Record(asked, convention.target(asked))
    except ValueError as error:
        raise UserError(f"{excerpt(prompt)}: {error}") from None
    tokens = len(CharTokenizer().encode(record.text))
    if tokens > max_seq_len:
        raise UserError(
            f"{excerpt(prompt)}: {tokens} tokens with its answer, "
            f"but the model's max_seq_len = {max_seq_len}"
        )
    return record


def unlike(prompt: str, written: Format, known: Sequence[Mapping[str, Any]]) -> str:
    """In what a problem differs from all that a model was trained on; empty if it does not.

    >>> from src.data.formats import PLAIN
    >>> data = {"ops": "+", "N": 2, "A": 0, "B": 99}
    >>> asked = ["7*8=", "1+2+3=", "1+100=", "1+2="]
    >>> [unlike(prompt, PLAIN, [data]) for prompt in asked]
    ['trained on + only', 'trained on 2 numbers', 'trained on numbers from 0 to 99', '']
    >>> unlike("7*8=", PLAIN, [{**data, "ops": "-"}, data])
    'trained on - only, before that on + only'

    Args:
        prompt: a problem in this format.
        known: the `data:` section of each training that the weights went through, the last one
            first; empty where it is not known.
    """
    operands, operators = written.read_prompt(prompt)
    differences = [_difference(operands, operators, data) for data in known]
    if not (differences and all(differences)):
        return ""
    return "trained on " + ", before that on ".join(dict.fromkeys(differences))


def _difference(operands: Sequence[int], operators: str, data: Mapping[str, Any]) -> str:
    if not data:
        return ""
    if not set(operators) <= set(data["ops"]):
        return f"{' '.join(data['ops'])} only"
    if len(operands) != data["N"]:
        return f"{data['N']} numbers"
    if not all(data["A"] <= operand <= data["B"] for operand in operands):
        return f"numbers from {data['A']} to {data['B']}"
    return ""
