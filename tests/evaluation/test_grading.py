"""Grades add up, and breakdowns say where the errors are."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from src.data.formats import PLAIN
from src.data.reading import read_records
from src.data.records import Record
from src.dataset import ArithmeticDataset, collate_fn
from src.evaluation.difficulty import describe
from src.evaluation.grading import breakdown, by_digit_position, by_expert, grade, routing, tally
from src.evaluation.intervals import wilson
from src.loss import answer
from src.models import build_model

from ..conftest import ARCHITECTURES, tiny_model


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
    load = by_expert(grades)
    assert len(load) == 2 * 4
    assert load.groupby("layer")["load"].sum().tolist() == pytest.approx([1.0, 1.0])
    dense = grade(build_model(tiny_model("gpt2")).eval(), dataset, 64)
    assert by_expert(dense).empty
    assert routing(dense).empty


def test_routing_says_who_serves_which_token_where() -> None:
    torch.manual_seed(0)
    model = build_model(tiny_model("mixtral")).eval()
    records = [Record("1+12=", "13"), Record("1+2=", "3"), Record("7+2=", "9")]
    table = routing(grade(model, ArithmeticDataset(records), 2))
    alone = grade(model, ArithmeticDataset(records[2:]), 2)
    # Two experts serve each token in the first layer, and in the last those that answer: from =
    # on; <eos> is not read.
    by_layer = table.groupby("layer")["assignments"].sum().tolist()
    assert by_layer == [2 * (1 + 5 + 2 + 2 * (1 + 4 + 1)), 2 * (3 + 2 * 2)]
    assert set(table[table["layer"] == 1]["token"]) == set("=139")
    assert table.groupby(["layer", "position", "token"])["share"].sum().to_numpy() == pytest.approx(
        1
    )
    ones = table[(table["position"] == 1) & (table["token"] == "1")]
    assert ones.groupby("layer")["assignments"].sum().tolist() == [4]
    # What only the third problem has is as in that problem alone.
    one, other = (t[t["token"] == "7"].reset_index(drop=True) for t in (table, routing(alone)))
    pd.testing.assert_frame_equal(one, other)


def test_breakdown_counts_each_kind() -> None:
    frame = describe([Record("1+1=", "2"), Record("9+9=", "18"), Record("8+8=", "16")], PLAIN)
    table = breakdown(tally(frame, np.array([True, True, False])), "answer_length")
    assert table["answer_length"].tolist() == [1, 2]
    assert table["problems"].tolist() == [1, 2]
    assert table["wrong"].tolist() == [0, 1]
    assert table["exact_match"].tolist() == [1.0, 0.5]
    assert (table["low"][1], table["high"][1]) == wilson(1, 2)


def test_breakdown_without_any_sum_is_empty() -> None:
    frame = describe([Record("3*4=", "12"), Record("6/2=", "3")], PLAIN)
    table = breakdown(tally(frame, np.array([True, False])), "carries")
    assert table.empty
    assert list(table) == ["carries", "problems", "wrong", "exact_match", "low", "high"]


def test_kinds_that_do_not_apply_to_a_problem_do_not_count_it() -> None:
    frame = describe([Record("3*4=", "12"), Record("9+1=", "10"), Record("2+1=", "3")], PLAIN)
    counts = tally(frame, np.array([True, False, True]))
    carries = counts[counts["kind"] == "carries"]
    assert carries[["value", "problems", "right"]].to_numpy().tolist() == [[0, 1, 1], [1, 1, 0]]


def test_tally_groups_as_pandas_does() -> None:
    frame = describe([Record("1-1=", "0"), Record("9+9=", "18"), Record("8-9=", "-1")] * 3, PLAIN)
    exact = np.arange(9) % 2 == 0
    counts = tally(frame, exact)
    for kind in frame:
        groups = pd.Series(exact).groupby(frame[kind])
        rows = counts[counts["kind"] == kind]
        assert rows["value"].tolist() == list(groups.groups)
        assert rows["problems"].tolist() == groups.size().tolist()
        assert rows["right"].tolist() == groups.sum().tolist()


def test_positions_are_counted_from_the_end_of_the_answer() -> None:
    torch.manual_seed(0)
    model = build_model(tiny_model(init_std=0.2)).eval()
    records = [Record("1+1=", "2"), Record("1-12=", "-11")]
    grades = grade(model, ArithmeticDataset(records), 2)
    table = by_digit_position(grades, [record.target for record in records], PLAIN)
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
