"""Each wrong answer is of one kind, the first that fits it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.data.formats import PLAIN
from src.data.problems import OPERATORS, PRECEDENCES, evaluate
from src.report.error_kinds import KINDS, error_kind


def kind(prompt: str, said: int | None, ops: str = "+", precedence: str = "left_to_right") -> str:
    operands, operators = PLAIN.read_prompt(prompt)
    right = evaluate(operands, operators, precedence)
    return error_kind(operands, operators, right, said, ops, precedence)


@pytest.mark.parametrize(
    ("prompt", "said", "expected"),
    [
        ("12+34=", None, "no number"),
        ("12+34=", 46, "zeros in front"),
        ("12-34=", 22, "wrong sign"),
        # The sign comes before the digits, and 0 has none.
        ("34-12=", -3, "wrong sign"),
        ("12-12=", -1, "wrong sign"),
        ("12-12=", 1, "one digit off"),
        ("48+17=", 55, "carry dropped"),
        # Of two carries the first, the second, both.
        ("554+456=", 1000, "carry dropped"),
        ("554+456=", 910, "carry dropped"),
        ("554+456=", 900, "carry dropped"),
        ("99+1=", 90, "carry dropped"),
        # Three numbers can carry a 2.
        ("99+99+99=", 277, "carry dropped"),
        ("99+99+99=", 287, "one digit off"),
        ("41+31=", 82, "carry added"),
        ("41+31=", 172, "carry added"),
        # One where there is none, and one left out where there is one.
        ("48+17=", 155, "too long"),
        ("52-17=", 45, "carry dropped"),
        ("17-52=", -45, "carry dropped"),
        ("503-78=", 535, "carry dropped"),
        ("57-12=", 35, "carry added"),
        ("7*8=", 57, "one digit off"),
        ("7*8=", 66, "one digit off"),
        ("72/8=", 8, "one digit off"),
        ("72/8=", 10, "too long"),
        ("12*12=", 14, "too short"),
        ("12+34=", 57, "several digits off"),
        # No carries where operators are mixed.
        ("48+17-0=", 55, "one digit off"),
    ],
)
def test_kinds(prompt: str, said: int | None, expected: str) -> None:
    assert kind(prompt, said) == expected


def test_an_answer_to_another_problem_is_told_where_the_data_has_it() -> None:
    assert kind("7*8=", 15, "+*") == "another problem"
    assert kind("7*8=", 15, "*") == "several digits off"
    # 2+3*4: from left to right 20, with the product first 14.
    assert kind("2+3*4=", 14, "+*") == kind("2+3*4=", 20, "+*", "standard") == "another problem"
    # Without the last operand, and without the first.
    assert kind("23*45+61=", 1035, "+*") == "another problem"
    assert kind("23+45+61=", 106, "+") == "another problem"
    # One operand of two is no problem.
    assert kind("23+45=", 45, "+") == "several digits off"
    # Another operator leaves no whole number: 7/2.
    assert kind("7*2=", 12, "*/") == "one digit off"


@pytest.mark.parametrize(
    ("said", "expected"),
    [(150, "another problem"), (50, "another problem"), (27, "one digit off"), (137, "too long")],
)
def test_modulo_a_number_no_carry_is_looked_for(said: int, expected: str) -> None:
    # 100+50 is 37; 150 is the whole sum, 50 is 100-50, and 27 would be a carry dropped.
    assert error_kind([100, 50], "+", 37, said, "+-", "standard", 113) == expected


@given(
    operands=st.lists(st.integers(0, 999), min_size=2, max_size=4),
    symbols=st.text("+-*", min_size=3, max_size=3),
    said=st.none() | st.integers(-(10**6), 10**6),
    precedence=st.sampled_from(PRECEDENCES),
)
def test_every_wrong_answer_has_a_kind(
    operands: list[int], symbols: str, said: int | None, precedence: str
) -> None:
    operators = symbols[: len(operands) - 1]
    right = evaluate(operands, operators, precedence)
    found = error_kind(operands, operators, right, said, OPERATORS, precedence)
    assert found in KINDS
    assert (found == "zeros in front") == (said == right)
    assert (found == "no number") == (said is None)
