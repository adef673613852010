"""Factors multiply up to the number, and each is prime."""

import math

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from sympy import factorint

from src.splits.factors import prime_factors


@given(st.lists(st.integers(1, 2**63 - 1) | st.integers(1, 10**5), min_size=1, max_size=5))
@example([4093**5, 4099**2, 4099 * 4111, (2**31 - 1) ** 2, 2**61 - 1, 2**62, 2**63 - 25])
# Strong pseudoprimes to the first bases that one would try.
@example([3215031751, 3474749660383, 341550071728321, 3825123056546413051])
def test_factors_are_those_of_sympy(numbers: list[int]) -> None:
    for number, found in zip(numbers, prime_factors(np.array(numbers)), strict=True):
        assert math.prod(found) == number
        assert found == sorted(factorint(number, multiple=True))
