"""One divisor for each term, even over all that leave no remainder."""

import math
import tracemalloc
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from src.data.problems import PRECEDENCES, Ints
from src.splits import divisors as module
from src.splits.divisors import divisors, draw_divisors
from src.splits.space import ProblemSpace


def all_drawn(terms: list[int], low: int, high: int, largest: int) -> list[set[int]]:
    """What luck of any kind finds for each term."""
    luck = np.linspace(0, 1, 400, endpoint=False)
    repeated = np.repeat(np.array(terms, np.int64), len(luck))
    hints = np.zeros((0, len(repeated)), np.int64)
    drawn = draw_divisors(repeated, hints, np.tile(luck, len(terms)), low, high, largest)
    return [set(row) for row in drawn.reshape(len(terms), -1).tolist()]


@given(
    st.lists(st.integers(-2000, 2000).filter(bool), min_size=1, max_size=10),
    st.integers(1, 60),
    st.integers(0, 3000),
    st.sampled_from([0, 1, 30, 2000]),
)
@example([2000, -1999], 1, 2500, 30)
def test_all_divisors_are_drawn_and_nothing_else(
    terms: list[int], low: int, width: int, tabulated: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # Terms beyond the table are worked out, with the same result.
        patch.setattr(module, "_TABULATED", tabulated)
        found = all_drawn(terms, low, low + width, 2000)
    for term, drawn in zip(terms, found, strict=True):
        assert drawn == ({d for d in range(low, low + width + 1) if term % d == 0} or {0})


@pytest.mark.parametrize("tabulated", [10, 100])
def test_each_divisor_is_as_likely_as_another(
    tabulated: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TABULATED", tabulated)
    luck = np.arange(6000) / 6000
    terms, hints = np.full(6000, 12), np.full((1, 6000), 4)
    counts = Counter(draw_divisors(terms, hints, luck, 1, 50, 100).tolist())
    assert counts == dict.fromkeys([1, 2, 3, 4, 6, 12], 1000)


def test_a_table_of_the_full_size_knows_the_same_as_trial_division() -> None:
    terms = np.random.default_rng(0).integers(1, 999**2, 300, endpoint=True)
    starts, flat = module._table(1, 999, 999**2)
    for term in terms:
        found = flat[starts[term] : starts[term + 1]].tolist()
        assert sorted(found) == [d for d in range(1, 1000) if term % d == 0]


@settings(deadline=None, max_examples=200)
@given(
    st.lists((st.integers(-200, 200) | st.integers(-(10**6), 10**6)).filter(bool), max_size=20),
    st.integers(1, 30),
    st.integers(0, 300),
)
@example([36, -36, 1, -1], 1, 0)
@example([], 1, 9)
@example([10**10, -(999**3)], 1, 998)
def test_divisors_are_all_numbers_that_leave_no_remainder(
    terms: list[int], low: int, width: int
) -> None:
    high = low + width
    counts, flat = divisors(np.array(terms, np.int64), low, high)
    expected = [[d for d in range(low, high + 1) if t % d == 0] for t in terms]
    assert counts.tolist() == [len(found) for found in expected]
    assert flat.tolist() == [d for found in expected for d in found]


def test_divisors_of_large_terms_need_little_memory() -> None:
    term = 1000**4 * 60
    tracemalloc.start()
    counts, flat = divisors(np.full(5, term), 2, 999)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    expected = [d for d in range(2, 1000) if term % d == 0]
    assert counts.tolist() == [len(expected)] * 5
    assert flat.tolist() == expected * 5
    # 64 MiB: a table of remainders of at most 32, and its masks.
    assert peak < 2**26


@given(
    st.lists(st.integers(1, 3000) | st.integers(2**26, 2**27), min_size=1, max_size=8),
    st.integers(1, 3000),
    st.integers(0, 2**27),
)
def test_factoring_finds_what_trial_division_finds(terms: list[int], low: int, width: int) -> None:
    results = []
    for trials in (0, 2**20):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "_TRIALS", trials)
            patch.setattr(module, "_FEW_TRIALS", trials)
            found = divisors(np.array(terms), low, low + width)
        results.append([part.tolist() for part in found])
    assert results[0] == results[1]


def test_divisors_of_the_largest_terms_come_soon() -> None:
    terms = [2**61, 999_999_937 * 999_999_929, (2**31 - 1) ** 2, 2**61 - 1, 6**20, 97 * 10**15]
    counts, flat = divisors(np.array(terms), 1, 2**62)
    assert counts.tolist() == [62, 4, 3, 2, 441, 512]
    for term, found in zip(terms, np.split(flat, np.cumsum(counts)[:-1]), strict=True):
        assert (term % found == 0).all()
        assert (np.diff(found) > 0).all()
    # Where all are near the square root or above, a few cofactors tell.
    counts, flat = divisors(np.array([10**18, 10**18 + 9]), 10**17, 10**18 + 9)
    expected = [10**18 // k for k in (10, 8, 5, 4, 2, 1)]
    assert flat[: counts[0]].tolist() == expected


def drawn_plainly(
    terms: Ints, _: Ints, chance: NDArray[np.float64], low: int, high: int, largest: int
) -> Ints:
    """What `draw_divisors` is: one of all numbers that were tried.

    In ascending order; of terms in its table those above the table's square root in descending
    order.
    """
    tabulated = min(largest, 2**20)
    every, found = np.arange(low, high + 1), []
    for term, luck in zip(np.abs(terms).tolist(), chance.tolist(), strict=True):
        assert 0 < term <= largest
        those = every[term % every == 0]
        if term <= tabulated:
            small = those <= math.isqrt(tabulated)
            those = np.append(those[small], those[~small][::-1])
        found.append(those[int(luck * len(those))] if len(those) else 0)
    return np.array(found, np.int64)


@pytest.mark.parametrize("precedence", PRECEDENCES)
@pytest.mark.parametrize(
    ("N", "A", "B", "ops", "n"),
    [
        (3, 0, 999_999, "*/", 60),
        (3, 0, 999_999, "+-*/", 60),
        (3, 70_000, 999_999, "/*-", 60),
        (3, 2, 12_000, "*/", 200),
        (4, 0, 30_000, "*/", 100),
        (4, 0, 30_000, "+*/", 100),
        # Sums of many numbers, and their products, are beyond the table.
        (5, 1, 3_000, "+*/", 100),
        (8, 0, 99, "-*/", 200),
    ],
)
def test_spaces_are_drawn_from_as_by_trying_every_divisor(
    N: int, A: int, B: int, ops: str, n: int, precedence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FACTORED", 7)
    space = ProblemSpace(N, A, B, ops, precedence)
    fast = space.draw(n, np.random.default_rng(3))
    monkeypatch.setattr("src.splits.space.draw_divisors", drawn_plainly)
    plain = space.draw(n, np.random.default_rng(3))
    for name, column in vars(plain).items():
        assert getattr(fast, name).tolist() == column.tolist()


@given(
    st.lists(st.integers(1, 10**7), min_size=2, max_size=4),
    st.integers(1, 10**9),
    st.integers(1, 50),
    st.integers(8193, 2**40),
)
def test_hints_change_nothing(parts: list[int], other: int, low: int, high: int) -> None:
    # Of a product, of one that shares little with them, and of a divisor of it.
    terms = np.array([parts[0] * parts[1], other, math.lcm(*parts[:2])])
    hints = np.repeat(np.array([*parts, 0])[:, None], 3, axis=1)
    hinted, alone = divisors(terms, low, high, hints), divisors(terms, low, high)
    for one, another in zip(hinted, alone, strict=True):
        assert one.tolist() == another.tolist()
