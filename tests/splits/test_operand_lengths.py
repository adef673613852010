"""How long the operands of training problems are: by a power of their number, or by a mix."""

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from src.config import DataConfig
from src.splits.large import length_weights
from src.splits.rejection import Rejection
from src.splits.source import chunks, source_of
from src.splits.space import ProblemSpace
from src.splits.stratified import Strata

from ..conftest import tiny_params
from ..test_data_gen import data_config

RANGES = [(0, 9), (10, 99), (100, 999)]


def shares(operands: Any) -> dict[int, float]:
    """How often operands of each length occur."""
    counts = Counter(len(str(number)) for number in np.ravel(operands).tolist())
    return {length: n / counts.total() for length, n in sorted(counts.items())}


def operands_of(config: DataConfig) -> dict[str, Any]:
    parts: dict[str, list[Any]] = {}
    for split, problems in chunks(config, source_of(config)):
        parts.setdefault(split, []).append(problems.operands)
    return {split: np.concatenate(found) for split, found in parts.items()}


@pytest.mark.parametrize("exponent", [0.0, 0.25, 0.5, 1.0])
def test_weights_are_powers_of_how_many_numbers_there_are(exponent: float) -> None:
    weights = np.array(length_weights(RANGES, exponent), float)
    expected = np.array([10, 90, 900], float) ** exponent
    np.testing.assert_allclose(weights / weights[0], expected / expected[0], rtol=1e-12)


@given(st.integers(1, 600), st.floats(0, 1))
def test_weights_fit_and_leave_no_length_out(digits: int, exponent: float) -> None:
    lengths = ProblemSpace(2, 9, 10**digits, "+", "standard").lengths()
    weights = length_weights(lengths, exponent)
    assert min(weights) >= 1
    assert sum(weights) < 2**63


def test_weights_are_the_same_on_every_machine() -> None:
    # Computed on another machine; math.pow may differ in the last bit.
    assert length_weights(RANGES, 0.3) == [
        2_335_162_013_866_423,
        4_514_293_277_213_266,
        9_007_199_254_740_991,
    ]


# Where problems are drawn, and where they are numbered.
@pytest.mark.parametrize("carry_mix", [1e-9, 0.0])
@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_training_has_the_lengths_that_the_exponent_says(exponent: float, carry_mix: float) -> None:
    kind = {"A": 1000, "B": 9_999_999, "n_samples": 20_000, "carry_mix": carry_mix}
    config = data_config(**kind, length_balance=0.6, length_exponent=exponent)
    assert isinstance(source_of(config), Rejection if carry_mix else Strata)
    found = operands_of(config)
    numbers = {length: 9 * 10 ** (length - 1) for length in (4, 5, 6, 7)}
    drawn = {length: n**exponent for length, n in numbers.items()}
    for length, share in shares(found["train"]).items():
        by_value = numbers[length] / sum(numbers.values())
        expected = 0.6 * drawn[length] / sum(drawn.values()) + 0.4 * by_value
        # Of 32,000 operands.
        assert share == pytest.approx(expected, abs=4 * math.sqrt(expected / 32_000))
    # Validation and test do not depend on it.
    other = operands_of(config.model_copy(update={"length_exponent": 0.25}))
    for split in ("val", "test"):
        assert other[split].tolist() == found[split].tolist()
    assert other["train"].tolist() != found["train"].tolist()


def test_exponent_1_is_by_value() -> None:
    space = ProblemSpace(2, 0, 999, "+", "standard")
    operands = space.draw(
        50_000, np.random.default_rng(0), length_balance=1.0, length_exponent=1.0
    ).operands
    hundreds = np.bincount(operands.ravel() // 100, minlength=10)
    assert hundreds / hundreds.sum() == pytest.approx([0.1] * 10, abs=0.005)


@pytest.mark.parametrize("largest", [999, 10**40 - 1])
def test_a_mix_has_its_shares(largest: int) -> None:
    space = ProblemSpace(2, 0, largest, "+*", "left_to_right")
    operands = space.draw(20_000, np.random.default_rng(0), length_mix=[0.2, 0.3]).operands
    longest = operands.max(1)
    # By value, one in a hundred of up to two digits has one digit twice; of three, two digits.
    few = 0.01 * 0.5 if largest == 999 else 0
    assert (longest < 10).mean() == pytest.approx(0.2 + 0.01 * 0.3, abs=0.015)
    assert (longest < 100).mean() == pytest.approx(0.5 + few, abs=0.015)
    # Evenly from 0 on, not by length.
    tens = np.bincount(operands[(longest >= 10) & (longest < 100)].ravel().astype(int) // 10)
    assert tens[0] / tens.sum() == pytest.approx(0.9 / 9.9, abs=0.02)


def test_the_mix_of_lee_et_al_is_in_training_alone() -> None:
    kind = {"n_samples": 12_500, "length_balance": 0.0, "split_by": "unordered"}
    mixed, plain = (
        operands_of(data_config(**kind, length_mix=mix)) for mix in ([0.01, 0.09, 0.9], [])
    )
    for split in ("val", "test"):
        assert mixed[split].tolist() == plain[split].tolist()
    longest = mixed["train"].max(1)
    assert len(longest) == 10_000
    # 1 % of 10,000 draws from 100 problems are some 60 different ones, less those of val and test.
    assert 45 < (longest < 10).sum() < 80
    assert (longest < 100).mean() == pytest.approx(0.1, abs=0.015)


@settings(deadline=None)
@given(
    st.integers(0, 150),
    st.integers(0, 2000),
    st.lists(st.floats(0, 0.3), min_size=1, max_size=3),
    st.sampled_from(["+", "+-*/", "/"]),
)
def test_operands_stay_in_range_whatever_the_mix(
    A: int, width: int, mix: list[float], ops: str
) -> None:
    B = A + width
    try:
        tiny_params(
            data={"A": A, "B": max(B, 1), "ops": ops, "length_balance": 0.0, "length_mix": mix}
        )
    except ValidationError:
        return
    operands = (
        ProblemSpace(2, A, max(B, 1), ops, "standard")
        .draw(200, np.random.default_rng(0), length_mix=mix)
        .operands
    )
    assert operands.min() >= A
    assert operands.max() <= max(B, 1)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"length_mix": [0.6, 0.5]}, r"shares must add up to 1 at most, not 1\.1"),
        ({"length_mix": [0.1] * 4}, "a share for each digit of B = 999 at most"),
        ({"length_mix": [0.1], "A": 10}, "asks for fewer digits than A = 10 has"),
        ({"length_mix": [0.1], "length_balance": 0.5}, r"needs length_balance = 0, not 0\.5"),
        ({"length_mix": [-0.1]}, "greater than or equal to 0"),
        ({"length_mix": 0.1}, "valid list"),
        ({"length_exponent": 1.5}, "less than or equal to 1"),
    ],
)
def test_what_no_lengths_can_be_is_refused(changes: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        data_config(**{"length_balance": 0.0} | changes)


def test_shares_that_add_up_to_1_but_for_rounding_are_taken() -> None:
    mix = [0.7, 0.2, 0.1]
    assert sum(mix[::-1]) != sum(mix)
    for each in (mix, mix[::-1], [0.0, 0.0, 1.0]):
        assert data_config(length_balance=0.0, length_mix=each).length_mix == each
    # Digits that no operand has may have a share of 0.
    assert data_config(A=10, length_balance=0.0, length_mix=[0.0, 0.5]).A == 10
