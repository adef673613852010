"""Random orders: each number once, any part on its own, every order as likely as another."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.data.permutation import Permutations

entropies = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=3)


@given(st.integers(1, 3000), entropies)
def test_each_number_stands_at_one_index_and_is_found_there(size: int, entropy: list[int]) -> None:
    order = Permutations([size], entropy)
    numbers = order(np.arange(size))
    assert sorted(numbers.tolist()) == list(range(size))
    assert order.inverse(numbers).tolist() == list(range(size))


@given(st.integers(1, 2**63 - 1), entropies, st.data())
def test_large_orders_can_be_undone_too(size: int, entropy: list[int], data: st.DataObject) -> None:
    index = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=20))
    order = Permutations([size], entropy)
    numbers = order(index)
    assert numbers.max() < size
    assert order.inverse(numbers).tolist() == index
    # Not itself by chance: 20 rounds of luck at this size would be needed.
    assert size < 1000 or len(set(index)) < 3 or numbers.tolist() != index


@given(st.lists(st.integers(1, 400), min_size=1, max_size=5), entropies, st.data())
def test_several_orders_at_once_are_a_bijection_each(
    sizes: list[int], entropy: list[int], data: st.DataObject
) -> None:
    order = Permutations(sizes, entropy)
    places = data.draw(
        st.permutations([(w, i) for w, size in enumerate(sizes) for i in range(size)])
    )
    which, index = np.array(places).T
    numbers = order(index, which)
    for w, size in enumerate(sizes):
        assert sorted(numbers[which == w].tolist()) == list(range(size))
        assert order(index[which == w], w).tolist() == numbers[which == w].tolist()
    assert order.inverse(numbers, which).tolist() == index.tolist()


@pytest.mark.parametrize("size", [2, 5, 10, 100])
def test_any_two_numbers_are_as_likely_to_stand_first_and_last(size: int) -> None:
    n_orders = 400 * size * (size - 1) // (1 if size < 100 else 50)
    order = Permutations([size] * n_orders, [size])
    which = np.arange(n_orders)
    first, last = order(np.zeros(n_orders), which), order(np.full(n_orders, size - 1), which)
    pairs = Counter(zip(first.tolist(), last.tolist(), strict=True))
    cells = size * (size - 1)
    expected = n_orders / cells
    chi_squared = sum((n - expected) ** 2 for n in pairs.values()) / expected
    chi_squared += (cells - len(pairs)) * expected
    # Mean cells - 1, standard deviation sqrt(2 (cells - 1)).
    assert chi_squared < cells - 1 + 5 * (2 * (cells - 1)) ** 0.5


@pytest.mark.parametrize("size", [1000, 2**20, 2**20 + 1, 10**10])
def test_neighbours_are_not_related(size: int) -> None:
    n = min(size, 100_000)
    order = Permutations([size], [7])
    numbers = order(np.arange(n)).astype(float) / size
    for lag in (1, 2, 3, 64):
        correlation = np.corrcoef(numbers[:-lag], numbers[lag:])[0, 1]
        assert abs(correlation) < 5 / np.sqrt(n)
    cells = np.histogram2d(numbers[:-1], numbers[1:], 10, [[0, 1], [0, 1]])[0].ravel()
    expected = (n - 1) / 100
    assert ((cells - expected) ** 2).sum() / expected < 99 + 5 * (2 * 99) ** 0.5


def test_another_key_is_another_order() -> None:
    one, other = (Permutations([1000], [key])(np.arange(1000)) for key in (0, 1))
    assert (one == other).sum() < 10
    # Two of the same size are two orders as well.
    both = Permutations([1000, 1000], [0])
    assert (both(np.arange(1000), 0) == both(np.arange(1000), 1)).sum() < 10


def test_orders_are_the_same_on_every_machine() -> None:
    assert Permutations([10], [2026])(np.arange(10)).tolist() == [1, 7, 4, 6, 8, 0, 3, 9, 2, 5]
    assert Permutations([5, 10**18], [1, 2])([3, 3], [0, 1]).tolist() == [4, 758060566806200229]
