"""The data format: a record as a line, and as tokens."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.data.records import Record, to_line, to_records, to_tokens
from src.tokenizer import CharTokenizer

from .test_problems import PRECEDENCES, divides_exactly, value

GOOD = '{"prompt": "554+456=", "target": "1010", "text": "<bos>554+456=1010<eos>"}'

prompts = st.from_regex(r"([0-9]|[1-9][0-9]{0,3})([-+*/][0-9]){1,3}=", fullmatch=True)


@st.composite
def record_lists(draw: st.DrawFn, precedences: Sequence[str] = PRECEDENCES) -> list[Record]:
    """Right answers, all under one precedence."""
    precedence = draw(st.sampled_from(precedences))
    exact = prompts.filter(lambda prompt: divides_exactly(prompt, precedence))
    return [record_of(prompt, precedence) for prompt in draw(st.lists(exact, min_size=1))]


def record_of(prompt: str, precedence: str = "standard") -> Record:
    """A prompt with its answer."""
    return Record(prompt, str(value(prompt, precedence)))


def test_a_line_is_the_worked_example() -> None:
    assert to_line(Record("554+456=", "1010")) == GOOD + "\n"


@given(record_lists())
def test_tokens_and_records_are_each_other(records: list[Record]) -> None:
    tokens = to_tokens(records)
    assert to_records(tokens) == records
    assert tokens.shape == (len(records), max(len("".join(record)) for record in records) + 2)
    tokenizer = CharTokenizer()
    for row, record in zip(tokens, records, strict=True):
        assert tokenizer.decode(row).replace("<pad>", "") == record.text


def test_a_character_outside_the_vocabulary_has_no_token() -> None:
    with pytest.raises(ValueError, match="is not in the vocabulary"):
        to_tokens([Record("1+1=", "two")])
