"""Problems are described as a person would who does them by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.difficulty import (
    borrow_columns,
    carry_columns,
    describe,
    describe_columns,
    longest_run,
)
from src.records import Record
from src.sampling import ProblemSpace

from .test_encoding import SPACES

NUMBER = st.integers(0, 10**6)


@given(st.lists(NUMBER, min_size=2, max_size=4))
def test_carries_are_what_the_digit_sums_lose(operands: list[int]) -> None:
    # Each unit carried turns ten of one column into one of the next: the digit sum falls by 9.
    lost = sum(sum(map(int, str(x))) for x in operands) - sum(map(int, str(sum(operands))))
    n_carries = carry_columns(np.array([operands])).sum()
    if len(operands) == 2:  # where a carry is never more than 1
        assert n_carries == lost // 9
    assert (n_carries > 0) == (lost > 0)


@given(NUMBER, NUMBER)
def test_borrows_are_the_carries_of_the_sum_that_undoes_them(a: int, b: int) -> None:
    larger, smaller = max(a, b), min(a, b)
    borrows = borrow_columns(np.array([larger]), np.array([smaller]))[0].tolist()
    carries = carry_columns(np.array([[larger - smaller, smaller]]))[0].tolist()
    assert [i for i, x in enumerate(borrows) if x] == [i for i, x in enumerate(carries) if x]


@given(st.lists(st.booleans(), min_size=1, max_size=8))
def test_longest_run_is_that_of_the_marks_written_out(marks: list[bool]) -> None:
    written = "".join("x" if mark else " " for mark in marks)
    assert longest_run(np.array([marks]))[0] == max(map(len, written.split()), default=0)


def test_problems_are_described_by_what_may_make_them_hard() -> None:
    records = [
        Record("554+456=", "1010"),
        Record("7-123=", "-116"),
        Record("1+22+99=", "122"),
        Record("909+101=", "1010"),
        Record("100-1=", "99"),
        Record("9-9=", "0"),
        Record("9-4-5=", "0"),
    ]
    frame = describe(records)
    assert frame["answer_length"].tolist() == [4, 3, 3, 4, 2, 1, 1]
    assert frame["operand_lengths"].tolist()[:3] == ["3+3", "1-3", "1+2+2"]
    assert frame["operators"].tolist() == ["+", "-", "+", "+", "-", "-", "-"]
    assert frame["carries"].fillna(-1).tolist() == [3, -1, 2, 2, -1, -1, -1]
    assert frame["carry_chain"].fillna(-1).tolist() == [3, -1, 2, 1, -1, -1, -1]
    signs = [None, "negative", None, None, "positive", "zero", "zero"]
    assert [None if sign != sign else sign for sign in frame["sign"]] == signs
    assert frame["borrows"].fillna(-1).tolist() == [-1, 1, -1, -1, 2, 0, -1]


@pytest.mark.parametrize("space", SPACES)
def test_columns_are_described_as_their_text_is(space: ProblemSpace) -> None:
    problems = space.enumerate()
    assert problems is not None
    records = list(map(Record, problems.prompts(), map(str, problems.answers.tolist())))
    pd.testing.assert_frame_equal(describe_columns(problems), describe(records))
