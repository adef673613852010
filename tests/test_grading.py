"""Grades add up, and breakdowns say where the errors are."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from src.dataset import ArithmeticDataset, collate_fn
from src.grading import breakdown, by_digit_position, carries, describe, grade, wilson
from src.models import build_model
from src.records import Record, read_records
from src.scoring import answer

from .conftest import ARCHITECTURES, tiny_model


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_grades_do_not_depend_on_the_batch_size(name: str, data_dir: Path) -> None:
    torch.manual_seed(0)
    model = build_model(tiny_model(name, init_std=0.2)).eval()
    records = read_records(data_dir / "test.jsonl")
    dataset = ArithmeticDataset(records)
    whole, parts = grade(model, dataset, 1000), grade(model, dataset, 7)
    assert (whole.exact == parts.exact).all()
    assert (whole.token_correct == parts.token_correct).all()
    assert (whole.token_row == parts.token_row).all()
    assert parts.loss == pytest.approx(whole.loss, rel=1e-5)
    with torch.no_grad():
        expected = answer(model, collate_fn(dataset.tokens)).loss().item()
    assert whole.loss == pytest.approx(expected, rel=1e-5)
    assert len(whole.token_row) == sum(len(record.target) + 1 for record in records)


def test_expert_loads_are_shares_of_each_layer(data_dir: Path) -> None:
    dataset = ArithmeticDataset(read_records(data_dir / "test.jsonl"))
    grades = grade(build_model(tiny_model("mixtral")).eval(), dataset, 64)
    assert grades.expert_load.shape == (2, 4)
    assert grades.expert_load.sum(1) == pytest.approx([1.0, 1.0])
    assert grade(build_model(tiny_model("gpt2")).eval(), dataset, 64).expert_load.size == 0


@given(st.integers(1, 1000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_holds_the_share_and_mirrors(counts: tuple[int, int]) -> None:
    successes, n = counts
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    assert low < high
    mirrored = wilson(n - successes, n)
    assert (1 - high, 1 - low) == pytest.approx(mirrored, abs=1e-12)


def test_wilson_interval_as_tabulated() -> None:
    # Newcombe 1998, table I: 81 of 263 and 0 of 20.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=4))
def test_carries_are_what_the_digit_sums_lose(operands: list[int]) -> None:
    # Each unit carried turns ten of one column into one of the next: the digit sum falls by 9.
    lost = sum(sum(map(int, str(x))) for x in operands) - sum(map(int, str(sum(operands))))
    if len(operands) == 2:  # where a carry is never more than 1
        assert carries(np.array([operands]))[0] == lost // 9
    assert (carries(np.array([operands]))[0] > 0) == (lost > 0)


def test_problems_are_described_by_what_may_make_them_hard() -> None:
    records = [Record("554+456=", "1010"), Record("7-123=", "-116"), Record("1+22+99=", "122")]
    frame = describe(records)
    assert frame["answer_length"].tolist() == [4, 3, 3]
    assert frame["operand_lengths"].tolist() == ["3+3", "1-3", "1+2+2"]
    assert frame["carries"].isna().tolist() == [False, True, False]
    assert frame["carries"].dropna().tolist() == [3, 2]


def test_breakdown_counts_each_kind() -> None:
    frame = describe([Record("1+1=", "2"), Record("9+9=", "18"), Record("8+8=", "16")])
    table = breakdown(frame, np.array([True, True, False]), "answer_length")
    assert table["answer_length"].tolist() == [1, 2]
    assert table["problems"].tolist() == [1, 2]
    assert table["wrong"].tolist() == [0, 1]
    assert table["exact_match"].tolist() == [1.0, 0.5]
    assert (table["low"][1], table["high"][1]) == wilson(1, 2)


def test_breakdown_without_any_sum_is_empty() -> None:
    frame = describe([Record("3*4=", "12"), Record("6/2=", "3")])
    assert breakdown(frame, np.array([True, False]), "carries").empty


def test_positions_are_counted_from_the_end_of_the_answer() -> None:
    torch.manual_seed(0)
    model = build_model(tiny_model(init_std=0.2)).eval()
    records = [Record("1+1=", "2"), Record("1-12=", "-11")]
    grades = grade(model, ArithmeticDataset(records), 2)
    table = by_digit_position(records, grades)
    assert table["position"].tolist() == [0, 1, 2, 3]
    assert table["problems"].tolist() == [2, 2, 1, 1]
    # The tokens in order: 2 <eos> - 1 1 <eos>
    right = grades.token_correct.astype(int)
    assert (table["problems"] - table["wrong"]).tolist() == [
        right[1] + right[5],
        right[0] + right[4],
        right[3],
        right[2],
    ]
