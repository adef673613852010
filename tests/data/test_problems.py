"""Answers against evaluators of the tests' own."""

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from src.data.formats import PLAIN
from src.data.problems import OPERATORS, PRECEDENCES, Problems, are_right, evaluate
from src.data.records import to_records


def value(prompt: str, precedence: str) -> Fraction:
    """What a prompt such as 2+3*4= is worth, in exact fractions."""
    expression = prompt.removesuffix("=")
    if precedence == "standard":
        code = re.sub(r"[0-9]+", r"Fraction('\g<0>')", expression)
        return Fraction(eval(code, {"Fraction": Fraction}))
    first, *steps = re.findall(r"[-+*/]?[0-9]+", expression)
    total = Fraction(first)
    for step in steps:
        operand = Fraction(step[1:])
        match step[0]:
            case "+":
                total += operand
            case "-":
                total -= operand
            case "*":
                total *= operand
            case "/":
                total /= operand
    return total


def divides_exactly(prompt: str, precedence: str) -> bool:
    """Whether each division on the way has a divisor other than 0 and leaves no remainder."""
    expression = prompt.removesuffix("=")
    standard = precedence == "standard"
    # What a division sees to its left: the product it belongs to, or all that came before.
    for chain in re.split(r"[-+]", expression) if standard else [expression]:
        for division in re.finditer(r"/([0-9]+)", chain):
            if int(division[1]) == 0:
                return False
            if value(chain[: division.end()], "left_to_right").denominator != 1:
                return False
    return True


def all_prompts(N: int, A: int, B: int, ops: str, precedence: str) -> Iterator[str]:
    """Every problem of N operands from A..B, one after the other."""
    for operands in product(range(A, B + 1), repeat=N):
        for operators in product(ops, repeat=N - 1):
            rest = zip(operators, operands[1:], strict=True)
            prompt = str(operands[0]) + "".join(f"{op}{x}" for op, x in rest) + "="
            if divides_exactly(prompt, precedence):
                yield prompt


def from_prompts(prompts: list[str], precedence: str) -> Problems:
    """The columns of prompts that have equally many operands."""
    operands = np.array([[int(x) for x in re.findall("[0-9]+", p)] for p in prompts])
    operators = np.array([[OPERATORS.index(x) for x in re.findall("[-+*/]", p)] for p in prompts])
    problems = Problems.start(operands[:, 0])
    for j in range(operators.shape[1]):
        problems = problems.extend(operators[:, j], operands[:, j + 1], precedence)
    return problems


def prompts_of(problems: Problems) -> list[str]:
    """How each problem is written."""
    return [record.prompt for record in to_records(PLAIN.tokens(problems))]


@st.composite
def prompts_of_equal_length(draw: st.DrawFn) -> tuple[list[str], str]:
    """Prompts whose divisions are exact, and the precedence under which they are."""
    precedence = draw(st.sampled_from(PRECEDENCES))
    n_operands = draw(st.integers(2, 6))
    operands = st.integers(0, 12) | st.integers(0, 999)
    rows = st.lists(
        st.tuples(
            st.lists(operands, min_size=n_operands, max_size=n_operands),
            st.text("+-*/", min_size=n_operands - 1, max_size=n_operands - 1),
        ),
        min_size=1,
        max_size=20,
    )
    prompts = [
        "".join(f"{x}{op}" for x, op in zip(operands, operators + "=", strict=True))
        for operands, operators in draw(rows)
    ]
    exact = [prompt for prompt in prompts if divides_exactly(prompt, precedence)]
    return exact or ["+".join("1" * n_operands) + "="], precedence


@pytest.mark.parametrize(
    ("prompt", "left_to_right", "standard"),
    [
        ("2+3*4=", 20, 14),
        ("8-6/2=", 1, 5),
        ("2*3+4*5=", 50, 26),
        ("24-8/4/2*3=", 6, 21),
        ("1-9*2=", -16, -17),
        ("3-9/3=", -2, 0),
        ("0/7=", 0, 0),
        ("5=", 5, 5),
    ],
)
def test_precedence_by_hand(prompt: str, left_to_right: int, standard: int) -> None:
    for precedence, answer in (("left_to_right", left_to_right), ("standard", standard)):
        assert divides_exactly(prompt, precedence)
        assert value(prompt, precedence) == answer
        assert from_prompts([prompt], precedence).answers.tolist() == [answer]


def test_the_evaluator_sees_what_a_division_sees() -> None:
    assert divides_exactly("1+4/2=", "standard")
    assert not divides_exactly("1+4/2=", "left_to_right")
    assert not divides_exactly("1+3/2=", "standard")
    assert divides_exactly("1+3/2=", "left_to_right")
    assert not divides_exactly("3/2*2=", "standard")
    assert not divides_exactly("0/0=", "left_to_right")


@settings(deadline=None, max_examples=200)
@given(prompts_of_equal_length())
def test_answers_are_those_of_exact_fractions(case: tuple[list[str], str]) -> None:
    prompts, precedence = case
    problems = from_prompts(prompts, precedence)
    assert prompts_of(problems) == prompts
    assert problems.answers.tolist() == [value(prompt, precedence) for prompt in prompts]


@settings(deadline=None, max_examples=300)
@given(
    st.from_regex(r"[0-9]{1,2}([-+*/][0-9]{1,2}){0,4}=", fullmatch=True),
    st.sampled_from(PRECEDENCES),
)
@example("1+3/2=", "left_to_right")
@example("1+3/2=", "standard")
@example("5/0=", "standard")
@example("1448*1448*1448*1448*1448*1448*1448=", "standard")
def test_a_single_prompt_is_evaluated_exactly_or_refused(prompt: str, precedence: str) -> None:
    operands = [int(x) for x in re.findall("[0-9]+", prompt)]
    operators = "".join(re.findall("[-+*/]", prompt))
    if divides_exactly(prompt, precedence):
        assert evaluate(operands, operators, precedence) == value(prompt, precedence)
    else:
        with pytest.raises(ValueError, match="has no whole result"):
            evaluate(operands, operators, precedence)


@given(prompts_of_equal_length(), st.sampled_from(PRECEDENCES), st.integers(0, 19))
def test_all_answers_are_right_or_not(
    case: tuple[list[str], str], precedence: str, place: int
) -> None:
    prompts, given_ = case
    problems = from_prompts(prompts, given_)
    operands, operators, answers = problems.operands, problems.operators, problems.answers
    assert problems.reduced(0) is problems
    expected = all(
        divides_exactly(prompt, precedence) and value(prompt, precedence) == answer
        for prompt, answer in zip(prompts, answers.tolist(), strict=True)
    )
    assert are_right(operands, operators, answers, precedence) == expected
    wrong = answers.copy()
    wrong[place % len(wrong)] += 1
    assert not are_right(operands, operators, wrong, given_)


NUMBER = st.integers(0, 99) | st.integers(0, 10**100)


@given(
    st.lists(st.tuples(NUMBER, NUMBER, NUMBER), min_size=1, max_size=6),
    st.tuples(st.integers(0, 2), st.integers(0, 3)),
    st.sampled_from(PRECEDENCES),
    st.integers(0, 5),
)
def test_answers_of_any_size_are_those_of_python(
    rows: list[tuple[int, int, int]], codes: tuple[int, int], precedence: str, place: int
) -> None:
    operands = np.array(rows, object)
    operators = np.tile(codes, (len(rows), 1))
    symbols = "".join(OPERATORS[code] for code in codes)
    if codes[1] == OPERATORS.index("/"):
        # Made so that the last operand divides what stands before it.
        operands[:, 0] *= operands[:, 2] + 1
        operands[:, 1] *= operands[:, 2] + 1
        operands[:, 2] += 1
    problems = Problems.of(operands, operators, precedence)
    expected = [evaluate(row, symbols, precedence) for row in operands.tolist()]
    assert problems.answers.tolist() == expected
    assert are_right(operands, operators, problems.answers, precedence)
    wrong = problems.answers.copy()
    wrong[place % len(wrong)] += 1
    assert not are_right(operands, operators, wrong, precedence)


def test_numbers_that_would_take_long_are_left_to_who_looks_at_each_line() -> None:
    operands = np.full((1, 20_000), 9)
    operators = np.full((1, 19_999), OPERATORS.index("*"))
    assert not are_right(operands, operators, np.array([9**20_000], object), "standard")


@pytest.mark.parametrize("precedence", PRECEDENCES)
def test_totals_of_up_to_63_bits_are_exact(precedence: str) -> None:
    prompts = ["*".join(["1448"] * 5) + f"*{x}=" for x in (0, 1, 1448)]
    prompts.append("-".join(["0"] + ["1448*1448"] * 2) + "*1448=")
    for prompt in prompts:
        answers = from_prompts([prompt], precedence).answers.tolist()
        assert answers == [value(prompt, precedence)]


def test_rows_are_taken_and_joined_in_order() -> None:
    problems = from_prompts(["1+2=", "9-3=", "4*5="], "standard")
    assert len(problems) == 3
    assert prompts_of(problems[1:]) == ["9-3=", "4*5="]
    assert problems[np.array([2, 0])].answers.tolist() == [20, 3]
    assert prompts_of(problems[np.array([False, True, False])]) == ["9-3="]
    joined = Problems.concatenate([problems[2:], problems[:1]])
    assert prompts_of(joined) == ["4*5=", "1+2="]
    assert joined.answers.tolist() == [20, 3]


@given(prompts_of_equal_length(), st.integers(2, 2**31))
def test_answers_modulo_a_number_are_never_negative_and_below_it(
    case: tuple[list[str], str], modulus: int
) -> None:
    prompts, precedence = case
    whole = from_prompts(prompts, precedence)
    problems = whole.reduced(modulus)
    assert prompts_of(problems) == prompts
    expected = [int(value(prompt, precedence)) % modulus for prompt in prompts]
    assert problems.answers.tolist() == expected
    for prompt, answer in zip(prompts, expected, strict=True):
        assert evaluate(*PLAIN.read_prompt(prompt), precedence, modulus) == answer
        assert 0 <= answer < modulus
    columns = problems.operands, problems.operators
    if are_right(*columns, whole.answers, precedence):
        assert are_right(*columns, problems.answers, precedence, modulus)
    # Right but for a multiple of the modulus is wrong.
    assert not are_right(*columns, problems.answers + modulus, precedence, modulus)
