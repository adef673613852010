"""Prime factors by a table, with hints and without, against trial division."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.splits import sieve
from src.splits.sieve import factored


def by_trial(number: int, largest: int) -> list[int]:
    """The primes of a number up to `largest`."""
    found, divisor = [], 2
    while divisor * divisor <= number:
        while number % divisor == 0:
            found.append(divisor)
            number //= divisor
        divisor += 1
    return [prime for prime in [*found, number] if 1 < prime <= largest]


@given(
    st.lists(
        st.lists(st.integers(0, 3000) | st.integers(0, 10**5), min_size=3, max_size=3),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 50) | st.integers(1, 10**6),
    st.sampled_from([3, 10, 24]),
)
def test_primes_are_those_of_trial_division(rows: list[list[int]], largest: int, bits: int) -> None:
    # Products of hints, with a factor too many and one too few.
    numbers = [max(a, 1) * max(b, 1) * 6 // math.gcd(c, 6) for a, b, c in rows]
    expected = [(i, p) for i, n in enumerate(numbers) for p in by_trial(n, largest)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sieve, "MOST_BITS", bits)
        for hints in (np.array(rows).T, np.zeros((0, len(rows)), np.int64)):
            row, prime = factored(np.array(numbers), hints, largest)
            assert list(zip(row.tolist(), prime.tolist(), strict=True)) == expected


def test_of_no_numbers_there_are_no_primes() -> None:
    none = np.zeros(0, np.int64)
    row, prime = factored(none, np.zeros((2, 0), np.int64), 100)
    assert len(row) == len(prime) == 0


def test_numbers_beyond_the_table_are_factored_too() -> None:
    primes = [2, 3, 4_294_967_311, 1_000_003]
    numbers = np.array([6 * primes[2], primes[2] * primes[3], 2**61, 10**18 + 9])
    row, prime = factored(numbers, np.array([[3, 0, 1, 10**18 + 9]]), 2**62)
    assert row.tolist() == [0, 0, 0, 1, 1, *[2] * 61, 3]
    assert prime.tolist() == [2, 3, primes[2], primes[3], primes[2], *[2] * 61, 10**18 + 9]


def test_the_largest_table_is_right() -> None:
    table = sieve._smallest_factors(24)
    assert table[:10].tolist() == [0, 1, 2, 3, 2, 5, 2, 7, 2, 3]
    for number in np.random.default_rng(0).integers(2, 2**24, 200).tolist():
        assert table[number] == by_trial(number, number)[0]
    assert table[4093**2] == 4093
