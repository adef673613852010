"""Draws that never repeat a problem, also from spaces with division."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.data.problems import Problems
from src.splits.rejection import DRAWS, Rejection
from src.splits.space import ProblemSpace

from ..data.test_problems import prompts_of, value
from .test_space import brute_force, small_spaces


def rejection(
    space: ProblemSpace, *sizes: int, balance: float = 0.0, seed: int = 0, unordered: bool = False
) -> Rejection:
    """Splits of these sizes."""
    named = {str(i): n for i, n in enumerate(sizes)}
    return Rejection(space, named, dict.fromkeys(named, balance), seed, unordered)


def drawn(source: Rejection, split: str) -> list[str]:
    return [prompt for problems in source.chunks(split) for prompt in prompts_of(problems)]


@given(small_spaces(), st.integers(0, 2**32), st.floats(0, 1))
def test_each_problem_of_a_space_is_drawn_once_and_no_other(
    space: ProblemSpace, seed: int, balance: float
) -> None:
    expected = sorted(brute_force(space))
    third = len(expected) // 3
    sizes = [n for n in (third, len(expected) - third) if n]
    source = rejection(space, *sizes, 1, balance=balance, seed=seed)
    parts = [drawn(source, str(i)) for i in range(len(sizes))]
    assert [len(part) for part in parts] == sizes
    assert sorted(chain(*parts)) == expected
    for problems in rejection(space, len(expected), seed=seed).chunks("0"):
        right = [value(prompt, space.precedence) for prompt in prompts_of(problems)]
        assert problems.answers.tolist() == right
    with pytest.raises(ValueError, match=rf"^only {len(expected)} different problems were found$"):
        list(source.chunks(str(len(sizes))))


@given(small_spaces(), st.integers(1, 5))
def test_asking_for_more_than_there_is_names_how_many_there_are(
    space: ProblemSpace, surplus: int
) -> None:
    size = len(brute_force(space))
    with pytest.raises(ValueError, match=rf"^only {size} different problems were found$"):
        list(rejection(space, size + surplus).chunks("0"))


def test_the_first_of_a_larger_split_are_those_of_a_smaller_one() -> None:
    space = ProblemSpace(3, 0, 99, "+-*/", "left_to_right")
    small, large = (drawn(rejection(space, n), "0") for n in (DRAWS + 5, 3 * DRAWS))
    assert large[: len(small)] == small
    assert len(set(large)) == len(large) == 3 * DRAWS


def test_draws_are_even_over_operands_and_operators() -> None:
    space = ProblemSpace(2, 0, 99, "+-", "left_to_right")
    problems = Problems.concatenate(list(rejection(space, 5000).chunks("0")))
    assert problems.operators.mean() == pytest.approx(0.5, abs=0.04)
    tens = np.bincount(problems.operands.ravel() // 10, minlength=10)
    # 1,000 each, standard deviation 30.
    assert tens.min() > 850
    assert tens.max() < 1150


def test_too_few_in_a_space_that_is_too_large_to_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.splits.space.ENUMERABLE", 10)
    monkeypatch.setattr("src.splits.rejection._PATIENCE", 3)
    with pytest.raises(ValueError, match=r"^only 100 different problems were found$"):
        list(rejection(ProblemSpace(2, 0, 9, "+", "standard"), 101).chunks("0"))


@pytest.mark.parametrize("ops", ["+", "+-*"])
def test_unordered_splits_share_no_operands(ops: str) -> None:
    space = ProblemSpace(2, 0, 40, ops, "left_to_right")
    for unordered in (False, True):
        source = rejection(space, 100, 100, 800, unordered=unordered)
        parts = [drawn(source, split) for split in "012"]
        assert [len(part) for part in parts] == [100, 100, 800]
        shared = [source.shared(a, b) for a, b in ("01", "02", "12")]
        assert all(identical == 0 for identical, _ in shared)
        assert any(swapped for _, swapped in shared) != unordered
