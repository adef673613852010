"""The test between architectures: its rate of false alarms, and its agreement with known tests."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from src.compare.statistics import CROSSED, SIGN, compare, holm


def names(marks: np.ndarray) -> set[str]:
    return set(map(str, np.flatnonzero(marks)))


def test_the_difference_is_that_of_the_means() -> None:
    a, b = [{"1", "2"}, {"1"}, set[str]()], [{"3"}, set[str](), {"4"}]
    found = compare(a, b, 100)
    assert found.mean == pytest.approx((1 - 2 + 0 - 1 + 1 - 0) / 300)
    assert found.low < found.mean < found.high
    mirrored = compare(b, a, 100)
    assert (-mirrored.mean, mirrored.p) == pytest.approx((found.mean, found.p))
    assert -mirrored.high == pytest.approx(found.low)


def test_where_problems_do_not_matter_it_is_the_paired_t_test_over_seeds() -> None:
    # Each seed fails on random problems: no problem is harder than another.
    rng = np.random.default_rng(0)
    counts = [(40, 10), (30, 20), (60, 15), (20, 18)]
    P = 100_000
    marks = [[rng.permutation(P)[:n] for n in pair] for pair in counts]
    a, b = ([set(map(str, pair[i])) for pair in marks] for i in range(2))
    found = compare(a, b, P)
    shares = np.array(counts) / P
    expected = stats.ttest_rel(shares[:, 1], shares[:, 0])
    assert found.method == CROSSED
    # The problems' own variance is estimated as almost nothing, not exactly nothing.
    assert found.p == pytest.approx(expected.pvalue, rel=0.1)
    interval = expected.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=0.1)


def test_problems_that_all_seeds_fail_are_evidence_of_few_problems() -> None:
    # Five problems that A always misses: over seeds alone the difference would be certain.
    missed = {"1", "2", "3", "4", "5"}
    found = compare([missed, missed, missed], [set(), set(), set()], 1000)
    assert found.mean == -0.005
    # All three seeds have the same errors: together they are no more evidence than one.
    assert found.p == pytest.approx(2 * stats.norm.sf(5 / np.sqrt(5 * 0.995)), rel=0.1)
    assert found.low < -0.005 < found.high < 0


def test_one_seed_is_mcnemar() -> None:
    a, b = set(map(str, range(12))), set(map(str, range(10, 14)))
    found = compare([a], [b], 1000)
    assert found.method == SIGN
    assert found.p == pytest.approx(stats.binomtest(2, 12).pvalue)
    assert found.mean == pytest.approx(-8 / 1000)
    assert np.isnan(found.low)
    assert compare([a], [a], 1000).p == 1.0


def test_two_seeds_say_nothing_of_others() -> None:
    # By t they would be -267 to 247 points apart.
    found = compare([set(map(str, range(60))), {"1"}], [{"1"}, set(map(str, range(40)))], 100)
    assert found.method == SIGN
    assert np.isnan(found.low)
    assert np.isnan(found.high)
    # Twenty problems that one of A's misses and none of B's; the rest is even.
    assert found.p == pytest.approx(stats.binomtest(0, 20).pvalue)


@given(st.lists(st.sets(st.sampled_from("abcdefgh")), min_size=6, max_size=10))
def test_no_interval_is_impossible(wrong: list[set[str]]) -> None:
    half = len(wrong) // 2
    found = compare(wrong[:half], wrong[half : 2 * half], 8)
    assert -1 <= found.low <= found.mean + 1e-12
    assert found.mean - 1e-12 <= found.high <= 1
    assert 0 <= found.p <= 1


def test_where_all_agree_the_problems_bound_the_difference() -> None:
    found = compare([{"1"}, {"2"}, set()], [{"1"}, {"2"}, set()], 10_000)
    # 1 - 0.025 ** (1 / 10,000): no disagreement in so many would be rarer than 2.5 % above it.
    assert found.high == pytest.approx(3.688e-4, rel=1e-3)
    assert (found.mean, found.low, found.p) == (0.0, -found.high, 1.0)


def test_false_alarms_are_as_rare_as_promised() -> None:
    # Architectures that differ in nothing, with lucky seeds and hard problems: at most some more
    # than 5 % of the comparisons may call it a difference. (Counting problems alone: 30 %.)
    rng = np.random.default_rng(0)
    P, S, repetitions = 400, 3, 400
    alarms = naive = 0
    for _ in range(repetitions):
        hardness = 0.2 * rng.random(P) * (rng.random(P) < 0.5)
        luck = np.exp(rng.normal(0, 0.7, (2, S, 1)))
        wrong = rng.random((2, S, P)) < np.clip(hardness * luck, 0, 1)
        a, b = ([names(marks) for marks in of_one] for of_one in wrong)
        alarms += compare(a, b, P).p < 0.05
        naive += compare(a[:1], b[:1], P).p < 0.05
    assert alarms / repetitions < 0.08
    assert naive / repetitions > 0.15


@given(st.lists(st.floats(0, 1), max_size=6))
def test_holm_keeps_order_and_lies_between_each_and_bonferroni(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for p, q in zip(p_values, adjusted, strict=True):
        assert p <= q <= min(1.0, len(p_values) * p) + 1e-12
    ranked = [q for _, q in sorted(zip(p_values, adjusted, strict=True))]
    assert ranked == sorted(ranked)
