"""Splits computed from row numbers: each problem once, whatever part is made, and even."""

from collections import Counter
from fractions import Fraction
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from src.data.problems import Problems
from src.splits.overlap import Overlap
from src.splits.space import ProblemSpace
from src.splits.stratified import CHUNK, Strata, allocated, is_stratified

from ..data.test_problems import PRECEDENCES, all_prompts, from_prompts, prompts_of

SPLITS = ("test", "val", "train")
EVEN = dict.fromkeys(SPLITS, 0.0)


def strata(space: ProblemSpace, *sizes: int, balance: float = 0.0, seed: int = 0) -> Strata:
    """Splits of these sizes."""
    return Strata(space, dict(zip(SPLITS, sizes, strict=True)), EVEN | {"train": balance}, seed)


def all_rows(source: Strata, split: str) -> Problems:
    return Problems.concatenate(list(source.chunks(split)))


@st.composite
def spaces(draw: st.DrawFn) -> ProblemSpace:
    """Small ones whose operands have one or two lengths."""
    N = draw(st.integers(2, 3))
    A = draw(st.integers(0, 12))
    B = A + draw(st.integers(0, 9 if N == 2 else 3))
    ops = draw(st.text("+-*", min_size=1, max_size=3).filter(lambda ops: len({*ops}) == len(ops)))
    return ProblemSpace(N, A, B, ops, draw(st.sampled_from(PRECEDENCES)))


@given(spaces(), st.integers(0, 2**32 - 1), st.floats(0, 1), st.data())
def test_splits_hold_each_problem_once_up_to_the_last(
    space: ProblemSpace, seed: int, balance: float, data: st.DataObject
) -> None:
    expected = sorted(all_prompts(space.N, space.A, space.B, space.ops, space.precedence))
    assume(len(expected) >= 3)
    test = data.draw(st.integers(1, len(expected) - 2))
    val = data.draw(st.integers(1, len(expected) - test - 1))
    rest = len(expected) - test - val
    source = strata(space, test, val, rest, balance=balance, seed=seed)
    parts = [all_rows(source, split) for split in SPLITS]
    assert [len(part) for part in parts] == [test, val, rest]
    drawn = [prompt for part in parts for prompt in prompts_of(part)]
    assert sorted(drawn) == expected
    for part in parts:
        right = from_prompts(prompts_of(part), space.precedence).answers
        assert part.answers.tolist() == right.tolist()
    with pytest.raises(ValueError, match=rf"^only {rest} different problems were found$"):
        strata(space, test, val, rest + 1, balance=balance, seed=seed)


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=6), st.integers(0, 9))
def test_any_range_of_rows_is_the_same_on_its_own(cuts: list[int], seed: int) -> None:
    source = strata(ProblemSpace(3, 0, 120, "+-", "standard"), 50, 50, 5000, balance=0.7, seed=seed)
    whole = source.rows("train", 0, 5000)
    bounds = sorted({0, 5000, *cuts})
    # Made in any order, by any process.
    parts = [source.rows("train", a, b) for a, b in reversed(list(pairwise(bounds)))]
    again = Problems.concatenate(parts[::-1])
    assert prompts_of(again) == prompts_of(whole)
    assert again.answers.tolist() == whole.answers.tolist()


def test_chunks_are_the_rows_in_order() -> None:
    n = 2 * CHUNK + 77
    source = strata(ProblemSpace(2, 0, 999, "+", "standard"), 10, 10, n)
    sizes = [len(problems) for problems in source.chunks("train")]
    assert sizes == [CHUNK, CHUNK, 77]
    assert prompts_of(all_rows(source, "train")) == prompts_of(source.rows("train", 0, n))


def test_each_problem_is_as_likely_in_the_test_split_as_any_other() -> None:
    space = ProblemSpace(2, 5, 14, "+-", "standard")
    counts: Counter[str] = Counter()
    n_seeds = 2000
    for seed in range(n_seeds):
        counts.update(
            prompts_of(all_rows(strata(space, 20, 7, 50, balance=1.0, seed=seed), "test"))
        )
    # Two hundred problems, each in a tenth of the test splits: 200 times, standard deviation 13.
    assert len(counts) == 200
    chi_squared = sum((n - 200) ** 2 for n in counts.values()) / 200
    assert chi_squared < 199 + 5 * (2 * 199) ** 0.5


def test_each_problem_is_as_likely_in_val_too() -> None:
    space = ProblemSpace(2, 5, 14, "+", "standard")
    counts: Counter[str] = Counter()
    for seed in range(1000):
        counts.update(prompts_of(all_rows(strata(space, 20, 20, 60, seed=seed), "val")))
    assert len(counts) == 100
    assert sum((n - 200) ** 2 for n in counts.values()) / 200 < 99 + 5 * (2 * 99) ** 0.5


def test_first_rows_are_even_over_the_problems() -> None:
    # The order of the rows tells nothing either.
    space = ProblemSpace(2, 8, 12, "+", "standard")
    firsts = Counter(
        prompts_of(strata(space, 4, 5, 16, seed=seed).rows("train", 0, 1))[0]
        for seed in range(1000)
    )
    assert sum((n - 40) ** 2 for n in firsts.values()) / 40 < 24 + 5 * (2 * 24) ** 0.5


def operand_lengths(problems: Problems) -> Counter[tuple[int, ...]]:
    return Counter(tuple(len(str(x)) for x in row) for row in problems.operands.tolist())


def test_val_and_test_have_the_shares_of_the_space() -> None:
    source = strata(ProblemSpace(2, 0, 999, "+", "standard"), 20_000, 10_000, 500_000, balance=1.0)
    for split, n in (("test", 20_000), ("val", 10_000)):
        shares = operand_lengths(all_rows(source, split))
        for (i, j), count in shares.items():
            expected = n * (10, 90, 900)[i - 1] * (10, 90, 900)[j - 1] / 1_000_000
            assert abs(count - expected) <= 1.5


def test_length_balance_is_the_share_of_train_that_is_even_over_the_lengths() -> None:
    # Large enough that no stratum is used up: 10^6 problems and more in each.
    space = ProblemSpace(2, 1000, 9_999_999, "+", "standard")
    source = strata(space, 100, 100, 16_000, balance=0.6)
    shares = operand_lengths(all_rows(source, "train"))
    for (i, j), count in shares.items():
        by_value = 9 * 10 ** (i - 1) * 9 * 10 ** (j - 1) / 9_999_000**2
        assert count == pytest.approx(16_000 * (0.6 / 16 + 0.4 * by_value), abs=1.5)


def test_used_up_strata_give_way_to_the_others() -> None:
    source = strata(ProblemSpace(2, 0, 999, "+", "standard"), 100, 100, 90_000, balance=1.0)
    shares = operand_lengths(all_rows(source, "train"))
    # Ten thousand each are asked for: there are 100, 2 x 900 and 8,100 of the shortest.
    assert 90 <= shares[1, 1] <= 100
    assert 850 <= shares[1, 2] <= 900
    assert 8000 <= shares[2, 2] <= 8100
    assert 8900 <= shares[1, 3] <= 9000
    # The others share what is missing evenly.
    assert shares[2, 3] == pytest.approx(shares[3, 3], abs=1)
    assert sum(shares.values()) == 90_000


@given(
    st.lists(st.integers(0, 10**17), min_size=1, max_size=20).filter(any),
    st.integers(0, 10**18),
    st.sampled_from([0.0, 0.1, 0.6, 1.0]) | st.floats(0, 1),
    st.integers(0, 2**32),
)
@example([1, 10**17], 2, 1.0, 0)
@example([0, 5, 5], 10, 0.0, 0)
def test_allotted_numbers_add_up_and_fit(
    left: list[int], n: int, balance: float, seed: int
) -> None:
    n %= sum(left) + 1
    taken = allocated(n, left, balance, [seed])
    assert sum(taken) == n
    assert all(0 <= take <= have for take, have in zip(taken, left, strict=True))
    if not balance:
        exact = [Fraction(n * have, sum(left)) for have in left]
        assert all(abs(take - share) < 1 for take, share in zip(taken, exact, strict=True))


@pytest.mark.parametrize("N", [2, 3, 4])
def test_it_knows_what_its_splits_hold_and_share(N: int) -> None:
    space = ProblemSpace(N, 8, 11, "+-", "standard")
    source = strata(space, 10, 6, 15, balance=0.5, seed=3)
    parts = {split: all_rows(source, split) for split in SPLITS}
    overlap = Overlap(space, SPLITS)
    every = space.enumerate()
    assert every is not None
    for split, problems in parts.items():
        overlap.add(split, problems)
        held = prompts_of(every[source.holds(split, every)])
        assert sorted(held) == sorted(prompts_of(problems))
    shared = {pair: source.shared(*pair) for pair in combinations(SPLITS, 2)}
    assert shared == {pair: overlap.shared(*pair) for pair in combinations(SPLITS, 2)}
    assert N > 3 or any(swapped for _, swapped in shared.values())


def test_a_problem_in_two_splits_would_be_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    source = strata(ProblemSpace(2, 0, 99, "+", "standard"), 100, 50, 500)
    assert source.shared("test", "train")[0] == 0
    monkeypatch.setattr(source, "chunks", lambda _: iter([source.rows("train", 0, 30)]))
    assert source.shared("test", "train")[0] == 30


@pytest.mark.parametrize(
    ("space", "stratified"),
    [
        (ProblemSpace(2, 0, 10**9, "+-*", "standard"), True),
        (ProblemSpace(5, 0, 999, "+-", "standard"), True),
        (ProblemSpace(2, 0, 9, "/", "standard"), False),
        (ProblemSpace(3, 0, 9, "+/", "standard"), False),
        (ProblemSpace(6, 0, 9, "+", "standard"), False),
        (ProblemSpace(5, 0, 999, "+-*", "standard"), False),
        (ProblemSpace(3, 0, 10**9, "+", "standard"), False),
        (ProblemSpace(1000, 0, 9, "+-*", "standard"), False),
    ],
)
def test_spaces_that_are_products_of_ranges(space: ProblemSpace, stratified: bool) -> None:
    assert is_stratified(space) == stratified


def test_large_numbers_stay_exact() -> None:
    space = ProblemSpace(2, 0, 2**30, "*", "standard")
    source = strata(space, 1000, 10, 10, balance=0.5)
    problems = all_rows(source, "test")
    assert problems.operands.max() > 2**29
    answers = [a * b for a, b in problems.operands.tolist()]
    assert problems.answers.tolist() == answers
    assert source.holds("test", problems).all()
    assert len(np.unique(space.keys(problems))) == 1000
