"""Problem spaces against brute force, and draws from them."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from src.data.problems import OPERATORS, Problems
from src.splits.space import ENUMERABLE, ProblemSpace

from ..data.test_problems import PRECEDENCES, all_prompts, prompts_of, value


@st.composite
def small_spaces(draw: st.DrawFn) -> ProblemSpace:
    """Spaces of at most 2,000 problems."""
    N = draw(st.integers(2, 3))
    A = draw(st.integers(0, 12))
    B = A + draw(st.integers(0, 8 if N == 2 else 3))
    ops = draw(st.text("+-*/", min_size=1, max_size=4).filter(lambda ops: len({*ops}) == len(ops)))
    return ProblemSpace(N, A, B, ops, draw(st.sampled_from(PRECEDENCES)))


def brute_force(space: ProblemSpace) -> list[str]:
    """All its prompts."""
    return list(all_prompts(space.N, space.A, space.B, space.ops, space.precedence))


@settings(deadline=None, max_examples=50)
@given(small_spaces())
@example(ProblemSpace(2, 0, 0, "/", "standard"))
@example(ProblemSpace(3, 5, 6, "/", "left_to_right"))
@example(ProblemSpace(4, 0, 3, "-/", "standard"))
@example(ProblemSpace(4, 0, 3, "-/", "left_to_right"))
def test_size_and_list_are_those_of_brute_force(space: ProblemSpace) -> None:
    expected = brute_force(space)
    assert space.size() == len(expected)
    assert space.has_at_least(sum("/" not in prompt for prompt in expected))
    assert not space.has_at_least(len(expected) + 1)
    every = space.enumerate()
    assert every is not None
    assert sorted(prompts_of(every)) == sorted(expected)
    assert every.answers.tolist() == [value(p, space.precedence) for p in prompts_of(every)]
    assert len(np.unique(space.keys(every))) == len(expected)


def test_the_size_without_division_is_a_formula() -> None:
    assert ProblemSpace(6, 0, 999, "+-", "standard").size() == 1000**6 * 2**5
    assert ProblemSpace(2, 1, 10**9, "*", "standard").size() == 10**18


def test_a_space_too_large_to_list_is_drawn_from_all_the_same() -> None:
    space = ProblemSpace(4, 0, 999, "+-*/", "standard")
    assert 1000**3 > ENUMERABLE
    assert space.size() is None
    assert space.enumerate() is None
    prompts = prompts_of(space.draw(500, np.random.default_rng(0)))
    assert sum("/" in prompt for prompt in prompts) > 50


def test_draws_are_even_over_operands_and_operators() -> None:
    space = ProblemSpace(2, 0, 4, "+-", "left_to_right")
    drawn = space.draw(50_000, np.random.default_rng(0))
    _, counts = np.unique(space.keys(drawn), return_counts=True)
    assert len(counts) == 50
    # 1,000 each is expected; the standard deviation is 31.
    assert counts.min() > 850
    assert counts.max() < 1150


def test_divisors_are_drawn_evenly_from_those_that_leave_no_remainder() -> None:
    space = ProblemSpace(2, 1, 12, "/", "left_to_right")
    drawn = space.draw(72_000, np.random.default_rng(0))
    of_12 = drawn.operands[drawn.operands[:, 0] == 12, 1]
    found, counts = np.unique(of_12, return_counts=True)
    assert found.tolist() == [1, 2, 3, 4, 6, 12]
    # 1,000 each is expected; the standard deviation is 31.
    assert counts.min() > 850
    assert counts.max() < 1150


def test_full_length_balance_makes_all_lengths_equally_frequent() -> None:
    space = ProblemSpace(2, 5, 250, "+", "left_to_right")
    operands = space.draw(30_000, np.random.default_rng(0), length_balance=1.0).operands
    assert operands.min() == 5
    assert operands.max() == 250
    for low, high in ((5, 9), (10, 99), (100, 250)):
        share = np.mean((operands >= low) & (operands <= high))
        assert share == pytest.approx(1 / 3, abs=0.02)


@settings(deadline=None)
@given(st.integers(0, 2000), st.integers(0, 2000), st.floats(0, 1))
def test_operands_stay_in_range_whatever_the_length_balance(
    A: int, width: int, length_balance: float
) -> None:
    space = ProblemSpace(2, A, A + width, "+*", "left_to_right")
    operands = space.draw(200, np.random.default_rng(0), length_balance).operands
    assert operands.shape == (200, 2)
    assert operands.min() >= A
    assert operands.max() <= A + width


@settings(deadline=None)
@given(st.integers(2, 6), st.integers(0, 2**40), st.integers(0, 5), st.sampled_from(["+", "*-"]))
def test_keys_number_the_problems_of_a_space(N: int, A: int, width: int, ops: str) -> None:
    space = ProblemSpace(N, A, A + width % (6 - N // 2), ops, "standard")
    every = space.enumerate()
    assert every is not None
    assert np.sort(space.keys(every)).tolist() == list(range(space.bound))


@settings(deadline=None)
@given(
    st.integers(2, 100),
    st.integers(0, 2**20) | st.sampled_from([2**k for k in range(20)]),
    st.integers(0, 12) | st.sampled_from([2**k - 1 for k in range(6, 60)]),
    st.sampled_from(["+", "-", "+-", "-+*", "+-*/"]),
    st.integers(0, 2**32),
)
# Where keys modulo 2^64 met: bounds of 2^64 and above, with common factors.
@example(9, 62, 1, "+", 0)
@example(8, 254, 1, "+", 0)
@example(7, 1022, 1, "+", 0)
@example(100, 0, 9, "+", 0)
@example(4, 0, 100_000, "-", 0)
@example(2, 0, 2**62 - 1, "+-*/", 0)
def test_keys_are_equal_where_problems_are(N: int, A: int, width: int, ops: str, seed: int) -> None:
    space, rng = ProblemSpace(N, A, A + width, ops, "standard"), np.random.default_rng(seed)
    # Few different operands, at both ends of the range, so that many problems are alike.
    ends = np.array([0, 1, 2, width - 1, width]).clip(0, width) + A
    operands = rng.choice(ends[rng.integers(0, 5, 2)] if seed % 2 else ends, (3000, N))
    operators = np.array([OPERATORS.index(op) for op in ops])[
        rng.integers(0, len(ops), (3000, N - 1))
    ]
    nothing = np.zeros(len(operands), np.int64)
    problems = Problems(operands, operators, nothing, nothing)
    for unordered in (False, True):
        first = np.sort(operands, axis=1) if unordered else operands
        distinct = np.unique(np.hstack((first, operators)), axis=0, return_inverse=True)[1]
        keys = np.unique(space.keys(problems, unordered), return_inverse=True)[1]
        pairs = np.unique(np.column_stack((distinct.ravel(), keys)), axis=0)
        assert len(pairs) == distinct.max() + 1 == keys.max() + 1
