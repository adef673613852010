"""One divisor for each term, even over all that leave no remainder."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from src import divisors as module
from src.divisors import draw_divisors


def all_drawn(terms: list[int], low: int, high: int, largest: int) -> list[set[int]]:
    """What luck of any kind finds for each term."""
    luck = np.linspace(0, 1, 400, endpoint=False)
    repeated = np.repeat(np.array(terms, np.int64), len(luck))
    drawn = draw_divisors(repeated, np.tile(luck, len(terms)), low, high, largest)
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
    counts = Counter(draw_divisors(np.full(6000, 12), luck, 1, 50, 100).tolist())
    assert counts == dict.fromkeys([1, 2, 3, 4, 6, 12], 1000)


def test_a_table_of_the_full_size_knows_the_same_as_trial_division() -> None:
    terms = np.random.default_rng(0).integers(1, 999**2, 300, endpoint=True)
    starts, flat = module._table(1, 999, 999**2)
    for term in terms:
        found = flat[starts[term] : starts[term + 1]].tolist()
        assert sorted(found) == [d for d in range(1, 1000) if term % d == 0]
