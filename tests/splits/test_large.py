"""Problems of numbers beyond 63 bits: drawn evenly, told apart, and never twice."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from src.data.problems import OPERATORS, PRECEDENCES, evaluate
from src.splits.large import drawn, words_of
from src.splits.rejection import Rejection
from src.splits.space import ProblemSpace
from src.splits.stratified import is_stratified

LARGE = ProblemSpace(2, 0, 10**30 - 1, "+-", "left_to_right")


@given(st.integers(0, 10**40), st.integers(0, 10**40) | st.integers(0, 300), st.integers(0, 50))
def test_numbers_are_drawn_from_the_range(low: int, width: int, n: int) -> None:
    numbers = drawn(low, low + width, n, np.random.default_rng(0))
    assert len(numbers) == n
    assert all(low <= number <= low + width for number in numbers)
    assert numbers == drawn(low, low + width, n, np.random.default_rng(0))


@pytest.mark.parametrize("low", [0, 10**30])
def test_numbers_are_drawn_evenly(low: int) -> None:
    counts = Counter(drawn(low, low + 4, 10_000, np.random.default_rng(0)))
    assert set(counts) == set(range(low, low + 5))
    # 2,000 each is expected; the standard deviation is 40.
    assert 1_850 < min(counts.values()) <= max(counts.values()) < 2_150


def test_the_leading_digits_of_long_numbers_are_drawn_evenly() -> None:
    numbers = drawn(0, 10**50 - 1, 10_000, np.random.default_rng(0))
    counts = Counter(number // 10**49 for number in numbers)
    assert set(counts) == set(range(10))
    # 1,000 each is expected; the standard deviation is 30.
    assert 880 < min(counts.values()) <= max(counts.values()) < 1_120


@given(st.lists(st.integers(0, 2**200), min_size=1))
def test_words_are_those_of_the_number(numbers: list[int]) -> None:
    words = np.stack(list(words_of(np.array(numbers, object), max(numbers))), axis=1)
    assert [sum(w << 64 * i for i, w in enumerate(row)) for row in words.tolist()] == numbers


@given(
    N=st.integers(2, 4),
    digits=st.integers(19, 100),
    ops=st.sampled_from(["+", "-", "+-*", "*"]),
    precedence=st.sampled_from(PRECEDENCES),
    balance=st.sampled_from([0.0, 0.5, 1.0]),
)
@example(N=3, digits=8, ops="*", precedence="standard", balance=0.5)
def test_answers_are_those_of_python(
    N: int, digits: int, ops: str, precedence: str, balance: float
) -> None:
    space = ProblemSpace(N, 3, 10**digits - 1, ops, precedence)
    assert space.is_large
    problems = space.draw(50, np.random.default_rng(0), balance)
    assert len(problems) == 50
    for operands, operators, answer in zip(
        problems.operands.tolist(),
        problems.operators.tolist(),
        problems.answers.tolist(),
        strict=True,
    ):
        assert all(3 <= operand < 10**digits for operand in operands)
        symbols = "".join(OPERATORS[code] for code in operators)
        assert set(symbols) <= set(ops)
        assert evaluate(operands, symbols, precedence) == answer


def test_full_length_balance_makes_all_lengths_equally_frequent() -> None:
    operands = LARGE.draw(15_000, np.random.default_rng(0), length_balance=1.0).operands
    counts = Counter(len(str(operand)) for operand in operands.ravel().tolist())
    assert set(counts) == set(range(1, 31))
    # 1,000 each is expected; the standard deviation is 31.
    assert 850 < min(counts.values()) <= max(counts.values()) < 1_150


def test_problems_are_told_apart_by_each_digit_and_operator() -> None:
    [one] = [LARGE.draw(1, np.random.default_rng(0))]
    alike = one[np.zeros(62, np.int64)]
    operands = alike.operands.copy()
    for place in range(30):
        operands[place, 0] ^= 1 << 3 * place
        operands[30 + place, 1] ^= 1 << 3 * place
    operands[60] = operands[60, ::-1]
    operators = alike.operators.copy()
    operators[61] ^= 1
    changed = type(one)(operands, operators, alike.sums, alike.terms)
    keys = LARGE.keys(changed)
    assert len({*keys.tolist(), *LARGE.keys(one).tolist()}) == 63
    # Without regard to the order of the operands, the swapped form is the same.
    unordered = LARGE.keys(changed, unordered=True)
    assert unordered[60] == LARGE.keys(one, unordered=True)[0]
    assert len(set(unordered.tolist())) == 62


def test_no_problem_is_drawn_twice_where_few_are_short() -> None:
    # Each tenth draw has two operands of one digit, of which there are 200 problems.
    space = ProblemSpace(2, 0, 10**20 - 1, "+-", "standard")
    sizes = {"test": 500, "train": 60_000}
    assert not is_stratified(space)
    source = Rejection(space, sizes, {"test": 0.0, "train": 1.0}, seed=3)
    rows = {
        split: [
            (*operands, *operators)
            for problems in source.chunks(split)
            for operands, operators in zip(
                problems.operands.tolist(), problems.operators.tolist(), strict=True
            )
        ]
        for split in sizes
    }
    assert {split: len(set(found)) for split, found in rows.items()} == sizes
    assert not set(rows["test"]) & set(rows["train"])
    assert source.shared("test", "train")[0] == 0
    # 150 draws of such pairs are expected.
    assert 90 < sum(max(row[:2]) < 10 for row in rows["train"]) <= 200


def test_long_operands_are_drawn_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    draw = ProblemSpace.draw

    def counting(space: ProblemSpace, n: int, *others: object) -> object:
        asked.append(n)
        return draw(space, n, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(ProblemSpace, "draw", counting)
    space = ProblemSpace(100, 0, 10**500, "+", "standard")
    assert sum(map(len, Rejection(space, {"all": 200}, {"all": 0.0}, seed=0).chunks("all"))) == 200
    assert asked == [83, 83, 83]


@pytest.mark.parametrize("ops", ["+", "-*"])
def test_a_small_space_of_large_numbers_is_listed(ops: str) -> None:
    space = ProblemSpace(2, 10**30, 10**30 + 20, ops, "standard")
    every = space.enumerate()
    assert every is not None
    assert len(np.unique(space.keys(every))) == len(every) == space.size() == 441 * len(ops)
    sources = Rejection(space, {"all": len(every)}, {"all": 0.0}, seed=0).chunks("all")
    drawn_keys = np.concatenate([space.keys(problems) for problems in sources])
    assert sorted(drawn_keys.tolist()) == sorted(space.keys(every).tolist())
