"""Problems are described as a person would who does them by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.data.formats import FORMATS, PLAIN, Format
from src.data.formats.padded import Padded
from src.data.records import Record, to_records
from src.evaluation.difficulty import (
    borrow_columns,
    carry_columns,
    describe,
    describe_columns,
    longest_run,
)
from src.splits.space import ProblemSpace

from ..data.test_formats import SPACES

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
    frame = describe(records, PLAIN)
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
    records = to_records(PLAIN.tokens(problems))
    pd.testing.assert_frame_equal(describe_columns(problems), describe(records, PLAIN))


def by_hand(a: int, b: int) -> tuple[int, int]:
    """Carries of a sum of two numbers and borrows of a difference, digit by digit."""
    larger, smaller = (str(x)[::-1] for x in (max(a, b), min(a, b)))
    carry = borrow = carries = borrows = 0
    for i, digit in enumerate(larger):
        other = int(smaller[i]) if i < len(smaller) else 0
        carry = int(int(digit) + other + carry > 9)
        borrow = int(int(digit) - other - borrow < 0)
        carries, borrows = carries + carry, borrows + borrow
    return carries, borrows


ANY_NUMBER = NUMBER | st.integers(0, 10**40) | st.sampled_from([2**62, 2**63 - 1, 2**63, 10**18])


@given(st.lists(st.tuples(ANY_NUMBER, ANY_NUMBER, st.integers(0, 3)), min_size=1, max_size=5))
def test_numbers_of_any_length_are_described(rows: list[tuple[int, int, int]]) -> None:
    # Written with leading zeros, which are digits, and carry nothing.
    sums = [Record(f"{'0' * zeros}{a}+{b}=", str(a + b)) for a, b, zeros in rows]
    differences = [Record(f"{a}-{'0' * zeros}{b}=", str(a - b)) for a, b, zeros in rows]
    frame = describe([*sums, *differences], PLAIN)
    expected = [by_hand(a, b) for a, b, _ in rows]
    n = len(rows)
    assert frame["carries"].tolist()[:n] == [carries for carries, _ in expected]
    assert frame["borrows"].tolist()[n:] == [borrows for _, borrows in expected]
    lengths = [(len(str(a)), len(str(b)), zeros) for a, b, zeros in rows]
    labels = [f"{a + zeros}+{b}" for a, b, zeros in lengths]
    labels += [f"{a}-{b + zeros}" for a, b, zeros in lengths]
    assert frame["operand_lengths"].tolist() == labels
    targets = [record.target.lstrip("-") for record in (*sums, *differences)]
    assert frame["answer_length"].tolist() == list(map(len, targets))


def test_problems_of_one_digit_and_several_operands_stand_side_by_side() -> None:
    frame = describe([Record("1+2=", "3"), Record("5+6+7=", "18"), Record("07*8=", "56")], PLAIN)
    assert frame["operand_lengths"].tolist() == ["1+1", "1+1+1", "2*1"]
    assert frame["carries"].fillna(-1).tolist() == [0, 1, -1]


def test_zeros_that_a_format_puts_in_front_are_no_digits() -> None:
    written = Padded(3, 4)
    # As the format writes it; as another one would; and longer than any number of the data.
    prompts = ["054+006=", "54+6=", "0054+006="]
    frame = describe([Record(prompt, "0060") for prompt in prompts], written)
    assert frame["operand_lengths"].tolist() == ["2+1", "2+1", "4+1"]
    assert frame["answer_length"].tolist() == [2, 2, 2]


@pytest.mark.parametrize("written", FORMATS.values(), ids=FORMATS)
def test_columns_are_described_as_their_texts_in_every_format(written: Format) -> None:
    problems = ProblemSpace(2, 0, 30, "+-*/", "left_to_right").enumerate()
    assert problems is not None
    records = to_records(written.tokens(problems))
    pd.testing.assert_frame_equal(describe_columns(problems), describe(records, written))
