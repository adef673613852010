"""All problems are graded, each once, under the split that it belongs to."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

from src.common.errors import UserError
from src.config import Params
from src.data.description import Convention, write_description
from src.data.formats import PLAIN
from src.data.reading import read_splits
from src.data.records import Record, Records, to_records
from src.data_gen import generate, write
from src.dataset import ArithmeticDataset
from src.eval import evaluate
from src.evaluation.difficulty import KINDS, describe
from src.evaluation.exhaustive import by_split, every_problem, grade_rest
from src.evaluation.grading import grade
from src.models import build_model
from src.splits.space import ProblemSpace

from ..conftest import read_csv, tiny_model, tiny_params, write_records
from ..test_eval import checkpoint
from ..test_loss import half_trained

SPACE = ProblemSpace(2, 0, 99, "+", "left_to_right")


def exhaustive(**data: object) -> Params:
    return tiny_params(data=data, evaluation={"exhaustive": True})


def test_each_problem_is_graded_once_as_it_would_be_alone(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.evaluation.exhaustive._CHUNK", 999)
    torch.manual_seed(0)
    model = build_model(tiny_params(models={"init_std": 0.2}).model_config_in_use).eval()
    splits = read_splits(data_dir)
    every = every_problem(SPACE)
    counts, errors = grade_rest(model, every, splits, PLAIN)
    table = by_split(counts)
    rows = table[table["kind"] == "all"].set_index("split")
    assert rows["problems"].to_dict() == {"train": 800, "val": 100, "unseen": 10000 - 1000}
    for split in ("train", "val"):
        alone = grade(model, ArithmeticDataset(splits[split]), 512).exact
        wrong = {r.prompt for r, right in zip(splits[split], alone, strict=True) if not right}
        assert set(errors.loc[errors["split"] == split, "prompt"]) == wrong
        assert rows["wrong"][split] == len(wrong)
    for kind, part in table.groupby("kind"):
        if kind in ("answer_length", "operand_lengths", "carries", "carry_chain", "operators"):
            assert part["problems"].sum() == 9900
            assert part["wrong"].sum() == len(errors)


@pytest.mark.parametrize(
    "space",
    [
        ProblemSpace(2, 0, 30, "+-", "left_to_right"),
        ProblemSpace(3, 0, 9, "*/", "standard"),
        ProblemSpace(4, 1, 4, "+-*/", "left_to_right"),
    ],
)
def test_any_space_is_graded_as_by_one_pass_for_each_problem(
    space: ProblemSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.evaluation.exhaustive._CHUNK", 700)
    every = every_problem(space)
    tokens = PLAIN.tokens(every)
    records = to_records(tokens)
    splits = {
        "train": Records(tokens[::7]),
        "val": Records(tokens[:0]),
        "test": Records(tokens[3::11]),
    }
    model = half_trained("llama2", records[:200])
    counts, errors = grade_rest(model, every, splits, PLAIN)
    exact = grade(model, ArithmeticDataset(records), 512).exact

    test = {r.prompt for r in splits["test"]}
    train = {r.prompt for r in splits["train"]} - test
    wrong = [
        (r.prompt, r.target, "train" if r.prompt in train else "unseen")
        for r, right in zip(records, exact, strict=True)
        if not right and r.prompt not in test
    ]
    assert list(errors[["prompt", "target", "split"]].itertuples(index=False, name=None)) == wrong
    pd.testing.assert_frame_equal(
        errors[[*KINDS]], describe([r for r in records if r.prompt in set(errors["prompt"])], PLAIN)
    )
    rows = by_split(counts).query("kind == 'all'").set_index("split")
    assert rows["problems"].to_dict() == {
        "train": len(train),
        "unseen": len(records) - len(train) - len(test),
    }
    assert 0 < len(wrong) < len(records) - len(test)


def test_problems_of_long_numbers_are_told_apart_by_their_split() -> None:
    every = every_problem(ProblemSpace(2, 10**19 - 5, 10**19 + 5, "+-", "left_to_right"))
    assert every.operands.dtype == object
    tokens = PLAIN.tokens(every)
    splits = {
        "train": Records(tokens[::7]),
        "val": Records(tokens[1::7]),
        "test": Records(tokens[2::7]),
    }
    model = build_model(tiny_model(max_seq_len=70)).eval()
    counts, errors = grade_rest(model, every, splits, PLAIN)
    names = {r.prompt: name for name, records in splits.items() for r in records}
    expected = [(r.prompt, names.get(r.prompt, "unseen")) for r in to_records(tokens)]
    # It answers none of them.
    found = errors[["prompt", "split"]].itertuples(index=False, name=None)
    assert list(found) == [pair for pair in expected if pair[1] != "test"]
    rows = by_split(counts).query("kind == 'operand_lengths' and split == 'train'")
    assert rows["problems"].sum() == len(splits["train"])
    assert set(rows["value"]) == {f"{a}{op}{b}" for a in (19, 20) for b in (19, 20) for op in "+-"}


def test_the_stage_writes_all_wrong_answers_with_their_split(
    tmp_path: Path, data_dir: Path
) -> None:
    metrics = evaluate(exhaustive(), checkpoint(tmp_path), data_dir, tmp_path / "out")
    errors = pd.DataFrame(read_csv(tmp_path / "out" / "errors.csv"))
    rows = pd.DataFrame(read_csv(tmp_path / "out" / "exhaustive.csv"))
    all_rows = rows[rows["kind"] == "all"].set_index("split")
    assert all_rows.index.tolist() == ["train", "val", "test", "unseen"]
    assert all_rows["problems"].astype(int).sum() == metrics["exhaustive_problems"] == 10_000
    assert all_rows["wrong"].astype(int).sum() == metrics["exhaustive_wrong"] == len(errors)
    assert int(all_rows["wrong"]["test"]) == metrics["wrong"]
    assert errors["split"].value_counts().to_dict() == {
        split: int(wrong) for split, wrong in all_rows["wrong"].items() if int(wrong)
    }


@pytest.mark.slow
# PyTorch's compiler uses what PyTorch has deprecated.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_the_stage_writes_the_same(tmp_path: Path, data_dir: Path) -> None:
    ckpt, written = checkpoint(tmp_path), []
    for choice in ("on", "off"):
        asked = tiny_params(evaluation={"exhaustive": True}, runtime={"compile": choice})
        evaluate(asked, ckpt, data_dir, tmp_path / choice)
        files = sorted((tmp_path / choice).iterdir())
        written.append({file.name: file.read_bytes() for file in files})
    assert written[0] == written[1]


def test_without_it_the_table_is_empty(tmp_path: Path, data_dir: Path) -> None:
    metrics = evaluate(tiny_params(), checkpoint(tmp_path), data_dir, tmp_path)
    header = "split,kind,value,problems,wrong,exact_match,low,high\n"
    assert (tmp_path / "exhaustive.csv").read_text() == header
    assert "exhaustive_problems" not in metrics


def test_subtraction_and_division_are_graded_whole(tmp_path: Path) -> None:
    params = exhaustive(ops="-/", B=9, n_samples=60)
    write(params.data, tmp_path / "data")
    metrics = evaluate(params, checkpoint(tmp_path), tmp_path / "data", tmp_path / "out")
    quotients = sum(a % b == 0 for a in range(10) for b in range(1, 10))
    assert metrics["exhaustive_problems"] == 100 + quotients


def test_too_many_problems_are_refused_before_any_is_graded(tmp_path: Path) -> None:
    params = exhaustive(B=9999)
    write(params.data, tmp_path / "data")
    with pytest.raises(UserError, match=r"exhaustive = true: .* more than 4,194,304 problems"):
        evaluate(params, checkpoint(tmp_path), tmp_path / "data", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_data_that_does_not_say_what_it_was_drawn_from_is_refused(tmp_path: Path) -> None:
    params, data, out = exhaustive(), tmp_path / "data", tmp_path / "out"
    ckpt = checkpoint(tmp_path)
    for split, records in generate(params.data).items():
        write_records(data / f"{split}.jsonl", records)
    message = rf"^evaluation.exhaustive = true: {data} has no config.yaml that says what "
    with pytest.raises(UserError, match=message):
        evaluate(params, ckpt, data, out)
    write_description(data, Convention(PLAIN, "left_to_right"))
    with pytest.raises(UserError, match=message):
        evaluate(params, ckpt, data, out)
    # Its splits are no longer those that were drawn.
    shutil.rmtree(data)
    write(params.data, data)
    write_records(data / "val.jsonl", [Record("100+1=", "101")])
    with pytest.raises(UserError, match=message):
        evaluate(params, ckpt, data, out)
    assert not (out / "eval.json").exists()


def test_the_space_is_that_of_the_data_and_not_of_params_yaml(tmp_path: Path) -> None:
    write(tiny_params(data={"B": 9, "n_samples": 50}).data, tmp_path / "data")
    asked = exhaustive(N=3, ops="*")
    metrics = evaluate(asked, checkpoint(tmp_path), tmp_path / "data", tmp_path / "out")
    assert metrics["exhaustive_problems"] == 100


def test_a_problem_outside_the_splits_that_does_not_fit_is_refused() -> None:
    every = every_problem(SPACE)
    model = build_model(tiny_params(models={"max_seq_len": 10}).model_config_in_use).eval()
    # <bos>99+99=198<eos>
    told = r"the longest problem has 11 tokens or more, but the model's max_seq_len = 10"
    with pytest.raises(UserError, match=told):
        grade_rest(model, every, {}, PLAIN)
