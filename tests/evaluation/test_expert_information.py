"""What experts tell of a problem is measured in bits, and nothing is found where nothing is."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from src.data.formats import FORMATS, PLAIN, Format
from src.data.records import Record
from src.dataset import ArithmeticDataset
from src.evaluation.breakdowns import describe_problems
from src.evaluation.expert_information import (
    carry_into,
    entropy,
    expert_figures,
    information,
)
from src.evaluation.grading import grade, places
from src.models import build_model

from ..conftest import tiny_model


def test_entropy_is_in_bits() -> None:
    four = np.arange(40_000) % 4
    assert entropy(four) == pytest.approx(2.0, abs=1e-4)
    assert entropy(four, four) == entropy(four)
    assert entropy(np.zeros(7)) == 0.0


def test_labels_that_have_nothing_to_do_with_each_other_share_no_bits() -> None:
    # Plain counts find (6 - 1)(4 - 1) / (2 n ln 2) = 0.054 bits.
    draws, found = np.random.default_rng(0), []
    for _ in range(300):
        found.append(information(draws.integers(6, size=200), draws.integers(4, size=200)))
    assert abs(np.mean(found)) < 0.006


def test_what_a_third_label_explains_is_no_information() -> None:
    draws = np.random.default_rng(0)
    place = draws.integers(3, size=30_000)
    carry = (place > 0) & (draws.random(30_000) < 0.5)
    # An expert for each place knows that there is no carry into the units, and no more.
    assert information(place, carry) == pytest.approx(0.25, abs=0.01)
    assert information(place, carry, place) == pytest.approx(0.0, abs=0.001)
    assert information(carry, carry, place) == pytest.approx(2 / 3, abs=0.01)


@pytest.mark.parametrize("place", range(2, 6))
def test_a_carry_is_the_difference_between_the_digit_and_the_sum_of_the_column(place: int) -> None:
    draws = np.random.default_rng(place)
    column = 10 ** (place - 1)
    for a, b, c in draws.integers(10_000, size=(200, 3)).tolist():
        digits = sum(x // column % 10 for x in (a, b, c))
        assert (digits + carry_into([a, b, c], "++", place)) % 10 == (a + b + c) // column % 10
        digits = max(a, b) // column % 10 - min(a, b) // column % 10
        assert (digits - carry_into([a, b], "-", place)) % 10 == abs(a - b) // column % 10


@pytest.mark.parametrize("written", [PLAIN, FORMATS["reverse"]], ids=str)
def test_experts_for_each_thing_are_found_out(written: Format) -> None:
    torch.manual_seed(0)
    model = build_model(tiny_model("mixtral")).eval()
    draws = np.random.default_rng(1)
    records = []
    for a, b in draws.integers(100, size=(400, 2)).tolist():
        records += [written.write([a, b], "+", a + b), written.write([a, b], "-", a - b)]
        records.append(written.write([a, b], "*", a * b))
    problems = describe_problems(records, written)
    grades = grade(model, ArithmeticDataset(records), 64)
    assert grades.experts.shape == (2, len(grades.token_row), 2)
    found = expert_figures(problems, grades, written)
    assert 1 <= found["worst_expert_load"] <= 2

    # Each layer has its own speciality: which of six pairs of experts is at work.
    pairs = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]])
    place = places(grades, problems["target"], written)
    operator = np.array(["+-*".index(kind) for kind in problems["operators"]])[grades.token_row]
    of_operators = expert_figures(problems, replace(grades, experts=pairs[operator][None]), written)
    of_places = expert_figures(problems, replace(grades, experts=pairs[place][None]), written)
    shares = np.bincount(operator) / len(operator)
    assert of_operators["expert_operator_bits"] == pytest.approx(
        -(shares * np.log2(shares)).sum(), abs=0.01
    )
    assert of_places["expert_place_bits"] > 1.5
    # Long answers are products.
    shared = of_places["expert_operator_bits"]
    assert shared == pytest.approx(of_operators["expert_place_bits"])
    assert shared > 0.05
    for nothing_new in (of_operators, of_places):
        assert nothing_new["expert_carry_bits"] == pytest.approx(0.0, abs=0.01)
    carry = [
        carry_into(written.read_prompt(problems["prompt"][row])[0], problems["operators"][row], p)
        for row, p in zip(grades.token_row.tolist(), place.tolist(), strict=True)
    ]
    of_carries = replace(grades, experts=pairs[np.maximum(carry, 0)][None])
    assert 0.7 < expert_figures(problems, of_carries, written)["expert_carry_bits"] < 1


def test_experts_of_an_answer_are_those_where_its_tokens_are_predicted() -> None:
    torch.manual_seed(0)
    model = build_model(tiny_model("mixtral")).eval()
    records = [Record("1+12=", "13"), Record("1+2=", "3")]
    grades = grade(model, ArithmeticDataset(records), 1)
    rows = []
    for record in records:
        ids = ArithmeticDataset([record]).tokens[:, :-1].long()
        with torch.no_grad():
            model(ids)
        rows.append(
            [r.chosen[0, len(record.prompt) :].sort(-1).values.numpy() for r in model.routings()]
        )
    for layer in range(2):
        expected = np.concatenate([row[layer] for row in rows])
        np.testing.assert_array_equal(grades.experts[layer], expected)
    together = grade(model, ArithmeticDataset(records), 2)
    np.testing.assert_array_equal(together.experts, grades.experts)


def test_answers_modulo_a_number_have_no_carries() -> None:
    records = [Record("60+70=", "17"), Record("90+90=", "67")] * 5
    grades = grade(build_model(tiny_model("mixtral")).eval(), ArithmeticDataset(records), 8)
    figures = expert_figures(describe_problems(records, PLAIN), grades, PLAIN)
    assert set(figures) == {"worst_expert_load", "expert_operator_bits", "expert_place_bits"}
    assert math.isfinite(figures["expert_place_bits"])


def test_a_dense_model_has_no_experts() -> None:
    records = [Record("1+2=", "3")]
    grades = grade(build_model(tiny_model("gpt2")).eval(), ArithmeticDataset(records), 8)
    assert expert_figures(describe_problems(records, PLAIN), grades, PLAIN) == {}
