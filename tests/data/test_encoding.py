"""Columns become the tokens that their text becomes."""

import numpy as np
import pytest

from src.data.encoding import encode
from src.data.records import Record
from src.splits.space import ProblemSpace
from src.tokenizer import CharTokenizer

SPACES = [
    ProblemSpace(2, 0, 120, "+", "left_to_right"),
    ProblemSpace(2, 95, 105, "-*", "left_to_right"),
    ProblemSpace(3, 0, 11, "+-*/", "standard"),
    ProblemSpace(4, 1, 6, "/-", "left_to_right"),
]


@pytest.mark.parametrize("space", SPACES)
def test_tokens_are_those_of_the_text(space: ProblemSpace) -> None:
    problems = space.enumerate()
    assert problems is not None
    records = map(Record, problems.prompts(), map(str, problems.answers.tolist()))
    expected = [CharTokenizer().encode(record.text) for record in records]
    tokens = encode(problems)
    assert tokens.dtype == np.uint8
    assert tokens.shape == (len(problems), max(map(len, expected)))
    pad = CharTokenizer.pad_id
    for row, ids in zip(tokens.tolist(), expected, strict=True):
        assert row == ids + [pad] * (len(row) - len(ids))
