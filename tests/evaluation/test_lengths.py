"""Grading by length: as greedy decoding answers, in the table, and refused where it cannot be."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from src.common.errors import UserError
from src.data.formats import FORMATS
from src.data.records import Record, to_records
from src.dataset import ArithmeticDataset, collate_fn
from src.eval import evaluate, main
from src.evaluation.cells import Cell
from src.evaluation.lengths import Grid, grade_lengths, grid_of
from src.generation import generate_answers
from src.loss import answer
from src.models import TransformerLM, build_model

from ..conftest import read_csv, tiny_model, tiny_params, write_records
from ..test_eval import checkpoint


def records_of(grid: Grid, cell: Cell, written: str) -> list[Record]:
    return to_records(FORMATS[written].tokens(grid.draw(cell)))


def trained(records: list[Record]) -> TransformerLM:
    """A model that knows these by heart."""
    torch.manual_seed(0)
    model = build_model(tiny_model(max_seq_len=40, d_model=64, d_ff=128))
    batch = collate_fn(ArithmeticDataset(records).tokens)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(400):
        answers = answer(model, batch)
        if bool(answers.exact().all()):
            break
        optimizer.zero_grad()
        answers.loss().backward()
        optimizer.step()
    return model.eval()


@pytest.mark.parametrize("name", ["plain", "scratchpad"])
def test_cells_are_graded_as_the_model_answers(name: str) -> None:
    data = tiny_params(data={"ops": "+-", "format": name}).data
    grid = Grid([Cell((1, 1)), Cell((2, 2)), Cell((1, 1), 1)], data, 40)
    written = FORMATS[name]
    known = records_of(grid, grid.cells[0], name)
    model = trained(known[:30])
    table = grade_lengths(model, grid, written, batch_size=16)
    assert table["lengths"].tolist() == ["1+1", "2+2", "1+1"]
    assert table["longest"].tolist() == [1, 2, 1]
    assert table["carry_chain"].tolist() == [pd.NA, pd.NA, 1]
    assert table["problems"].tolist() == [40, 40, 40]
    for cell, row in zip(grid.cells, table.to_dict("records"), strict=True):
        records = records_of(grid, cell, name)
        said = generate_answers(model, [record.prompt for record in records])
        # The answer counts, which is the whole target where no steps are written.
        right = [
            text.rpartition("=")[2] == record.target.rpartition("=")[2]
            for text, record in zip(said, records, strict=True)
        ]
        assert row["wrong"] == right.count(False)
        assert row["exact_match"] == pytest.approx(sum(right) / 40)
        assert row["low"] <= row["exact_match"] <= row["high"]
    assert 0.7 < table["exact_match"][0]
    assert table["wrong"].sum() > 0


def test_the_stage_writes_a_row_for_each_cell(
    tmp_path: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = checkpoint(tmp_path), tmp_path / "out"
    asked = {"lengths": 3, "length_problems": 7, "length_chains": True}
    metrics = evaluate(tiny_params(evaluation=asked), path, data_dir, out)
    rows = read_csv(out / "by_lengths.csv")
    assert [(row["lengths"], row["carry_chain"]) for row in rows] == [
        *((f"{n}+{n}", "") for n in (1, 2, 3)),
        *((f"{n}+{n}", str(chain)) for n in (1, 2, 3) for chain in range(n + 1)),
    ]
    assert {row["problems"] for row in rows} == {"7"}
    shares = [float(row["exact_match"]) for row in rows]
    assert metrics["exact_match_lengths"] == pytest.approx(sum(shares[:3]) / 3)
    assert metrics["exact_match_chains"] == pytest.approx(sum(shares[3:]) / 9)
    assert "right by length, whatever data.B is: 1: " in capsys.readouterr().out

    without = evaluate(tiny_params(), path, data_dir, out)
    header = "lengths,longest,carry_chain,problems,wrong,exact_match,low,high\n"
    assert (out / "by_lengths.csv").read_text() == header
    assert {name: value for name, value in metrics.items() if name in without} == without
    assert not [name for name in without if "lengths" in name or "chains" in name]


def test_problems_that_were_in_the_training_data_are_counted(
    tmp_path: Path, data_dir: Path
) -> None:
    data = tiny_params().data
    story = {"data": {"data": data.model_dump(), "sha256": {}}, "init_from": None}
    path = checkpoint(tmp_path, story=story)
    params = tiny_params(evaluation={"lengths": 4, "length_problems": 30})
    metrics = evaluate(params, path, data_dir, tmp_path / "out")
    grid = grid_of(params.evaluation, data_dir, FORMATS["plain"], 100)
    assert grid is not None
    short = [record for cell in grid.cells[:2] for record in records_of(grid, cell, "plain")]
    text = (data_dir / "train.jsonl").read_text()
    known = sum(f'"{record.prompt}"' in text for record in short)
    assert metrics["lengths_in_training"] == known > 5
    # The figures of the test split are what they are without.
    assert metrics["in_training"] == 0


def test_it_is_said_which_problems_the_model_has_no_room_for(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = checkpoint(tmp_path)
    monkeypatch.setattr("src.evaluation.grading.grade", None)
    for longest in (8, 60):
        params = tiny_params(evaluation={"lengths": longest})
        asked = rf"^evaluation.lengths = {longest}: a problem of 7\+7 digits has 26 tokens"
        with pytest.raises(UserError, match=asked + ", but the model's max_seq_len = 24$"):
            evaluate(params, path, data_dir, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_data_that_does_not_say_what_it_was_drawn_from_is_refused(tmp_path: Path) -> None:
    write_records(tmp_path / "test.jsonl", [Record("1+2=", "3")])
    with pytest.raises(UserError, match=r"^evaluation.lengths = 2: .* has no config.yaml that sa"):
        evaluate(tiny_params(evaluation={"lengths": 2}), checkpoint(tmp_path), tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "needed"),
    [("lengths", 3, 0), ("temperature", 0.5, 0), ("weights", "last", "best")],
)
def test_others_models_are_not_asked(
    key: str, value: object, needed: object, tmp_path: Path, data_dir: Path
) -> None:
    config = tmp_path / "p.yaml"
    config.write_text(f"evaluation: {{{key}: {value}}}")
    with pytest.raises(
        UserError, match=rf"^evaluation.{key} = {value}: must be {needed} with --hf$"
    ):
        main(["--config", str(config), "--hf", str(tmp_path), "--data_dir", str(data_dir),
              "--out_dir", str(tmp_path / "out")])  # fmt: skip
