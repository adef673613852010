"""The evaluate stage writes what the README promises, and refuses what it cannot grade."""

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from src.checkpoint import save_checkpoint
from src.common.errors import UserError
from src.common.files import METRICS_DIR
from src.common.folders import claimed
from src.data.formats import PLAIN
from src.data.reading import read_records
from src.data.records import Record
from src.eval import evaluate, main
from src.evaluation.breakdowns import break_down, describe_problems
from src.evaluation.grading import Grades
from src.evaluation.results import name_of, results_folder, write_results
from src.models import build_model
from src.terminal.results_table import show

from .conftest import ARCHITECTURES, ROOT, read_csv, tiny_params, write_records


def checkpoint(
    folder: Path, name: str = "llama2", story: dict[str, Any] | None = None, **model: Any
) -> Path:
    params = tiny_params(name, models={"init_std": 0.2, **model})
    torch.manual_seed(0)
    weights = build_model(params.model_config_in_use).state_dict()
    path = folder / f"{name}.ckpt"
    named = {f"model.{k}": v for k, v in weights.items()}
    save_checkpoint(path, named, params, {"step": 0}, story)
    return path


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_results_add_up(
    name: str, tmp_path: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = checkpoint(tmp_path, name), tmp_path / "out"
    metrics = evaluate(tiny_params(), path, data_dir, out)
    assert json.loads((out / "eval.json").read_text()) == metrics
    problems = len(read_records(data_dir / "test.jsonl"))
    assert metrics["problems"] == problems
    assert metrics["exact_match"] == 1 - metrics["wrong"] / problems
    assert metrics["exact_match_low"] <= metrics["exact_match"] <= metrics["exact_match_high"]
    for kind in ("answer_length", "operand_lengths", "carries"):
        rows = read_csv(out / f"by_{kind}.csv")
        assert sum(int(row["problems"]) for row in rows) == problems
        assert sum(int(row["wrong"]) for row in rows) == metrics["wrong"]
    assert len(read_csv(out / "by_expert.csv")) == (8 if name == "mixtral" else 0)
    assert ("max_expert_load" in metrics) == (name == "mixtral")
    assert f"{name}: " in capsys.readouterr().out


def test_all_wrong_answers_are_listed_with_what_was_said(tmp_path: Path, data_dir: Path) -> None:
    out = tmp_path / "out"
    metrics = evaluate(tiny_params(), checkpoint(tmp_path), data_dir, out)
    errors = read_csv(out / "errors.csv")
    assert len(errors) == metrics["wrong"] > 0
    assert all(row["said"] != row["target"] for row in errors)
    answers = {r.prompt: r.target for r in read_records(data_dir / "test.jsonl")}
    assert all(answers[row["prompt"]] == row["target"] for row in errors)


def test_a_problem_too_long_for_the_checkpoint_is_refused(tmp_path: Path, data_dir: Path) -> None:
    path = checkpoint(tmp_path, max_seq_len=10)
    with pytest.raises(UserError, match=r"test.jsonl: .*11 tokens.*max_seq_len = 10"):
        evaluate(tiny_params(), path, data_dir, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_grades_the_given_checkpoint(tmp_path: Path, data_dir: Path) -> None:
    path, out = checkpoint(tmp_path, "gpt2"), tmp_path / "out"
    main(["--ckpt", str(path), "--data_dir", str(data_dir), "--out_dir", str(out)])
    assert json.loads((out / "eval.json").read_text())["architecture"] == "gpt2"


def test_missing_inputs_are_named(tmp_path: Path, data_dir: Path) -> None:
    with pytest.raises(UserError, match=r"nothing.ckpt: no such file"):
        main(["--ckpt", str(tmp_path / "nothing.ckpt"), "--data_dir", str(data_dir)])
    with pytest.raises(UserError, match=r"test.jsonl: no such file"):
        main(["--ckpt", str(checkpoint(tmp_path)), "--data_dir", str(tmp_path)])


def test_by_hand_it_writes_beside_the_checkpoint(tmp_path: Path, data_dir: Path) -> None:
    path = checkpoint(tmp_path)
    tracked = subprocess.run(
        ["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    main(["--ckpt", str(path), "--data_dir", str(data_dir)])
    assert (tmp_path / "eval" / "eval.json").exists()
    now = subprocess.run(
        ["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert now == tracked


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("checkpoints/gpt2/last.ckpt", "checkpoints/gpt2/eval"),
        ("last.ckpt", "eval"),
        ("models/best.ckpt", "runs/eval"),
        ("other/../models/best.ckpt", "runs/eval"),
        ("runs/llama2-1234/progress-9.ckpt", "runs/eval"),
    ],
)
def test_results_are_not_written_where_dvc_or_a_training_tidies_up(path: str, folder: str) -> None:
    assert results_folder(Path(path)) == Path(folder)


@pytest.mark.parametrize("folder", ["metrics", "models/eval", "data/arithmetic"])
def test_by_hand_nothing_goes_to_the_pipelines_folders(folder: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"^{folder}: the pipeline writes in "):
        main(["--ckpt", str(tmp_path / "last.ckpt"), "--out_dir", folder])


def test_results_by_hand_say_what_they_are_of(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = checkpoint(tmp_path, "gpt2"), tmp_path / "out"
    main(["--ckpt", str(path), "--data_dir", str(data_dir), "--out_dir", str(out)])
    digest = hashlib.sha256((data_dir / "test.jsonl").read_bytes()).hexdigest()
    assert json.loads((out / "about.json").read_text()) == {
        "name": "gpt2",
        "architecture": "gpt2",
        "model": str(path),
        "prompt": None,
        "test_sha256": digest,
        "n_problems": 100,
        "versions": {"torch": torch.__version__},
    }
    # The pipeline's own results are what dvc.yaml says, and no more.
    monkeypatch.chdir(tmp_path)
    evaluate(tiny_params(), path, data_dir, METRICS_DIR)
    assert (METRICS_DIR / "eval.json").exists()
    assert not (METRICS_DIR / "about.json").exists()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("checkpoints/wide/best.ckpt", "wide"),
        ("checkpoints/wide/best-2.ckpt", "wide"),
        ("runs/wide-12/progress-000000200-0123456789abcdef.ckpt", "wide-12"),
        ("runs/back.ckpt", "back"),
        ("last.ckpt", ROOT.name),
        ("src", "src"),
        ("src/..", ROOT.name),
    ],
)
def test_a_model_is_called_by_what_tells_it_apart(
    path: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert name_of(Path(path)) == name


def test_no_results_are_left_beside_those_of_another_model(tmp_path: Path) -> None:
    write_results({"problems": 1}, {}, tmp_path)
    (tmp_path / "errors.csv").mkdir()
    with pytest.raises(UserError, match=r"errors\.csv: is a folder"):
        write_results({"problems": 2}, {"errors": pd.DataFrame()}, tmp_path, {"name": "other"})
    assert {path.name for path in tmp_path.iterdir()} == {"errors.csv", "eval.json"}
    assert json.loads((tmp_path / "eval.json").read_text()) == {"problems": 1}


def test_a_second_command_into_one_folder_is_refused(tmp_path: Path, data_dir: Path) -> None:
    path, out = checkpoint(tmp_path), tmp_path / "out"
    words = ["--ckpt", str(path), "--data_dir", str(data_dir), "--out_dir", str(out)]
    with claimed(out), pytest.raises(UserError, match=rf"out: process {os.getpid()} writes there"):
        main(words)
    assert not out.exists()
    main(words)
    assert (out / "eval.json").exists()


def test_a_folder_of_checkpoints_has_its_results_inside(tmp_path: Path, data_dir: Path) -> None:
    checkpoint(tmp_path).rename(tmp_path / "best.ckpt")
    main(["--ckpt", str(tmp_path), "--data_dir", str(data_dir)])
    assert (tmp_path / "eval" / "eval.json").exists()


def test_an_out_dir_that_is_a_file_is_found_out_before_grading(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = checkpoint(tmp_path)
    monkeypatch.setattr("src.evaluation.grading.grade", None)
    with pytest.raises(NotADirectoryError):
        evaluate(tiny_params(), path, data_dir, path)


def test_predictions_and_answer_lengths_are_always_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # All answers of one length.
    write_records(tmp_path / "test.jsonl", [Record("1+2=", "3"), Record("2+2=", "4")])
    path = checkpoint(tmp_path)
    evaluate(tiny_params(), path, tmp_path, tmp_path / "out")
    printed = capsys.readouterr().out
    assert "by answer length" in printed
    said = {row["prompt"]: row["said"] for row in read_csv(tmp_path / "out" / "errors.csv")}
    assert f"prediction: 1+2={said['1+2=']}  wrong, 3\n" in printed
    assert "wrong: " not in printed


def test_right_predictions_are_shown_too(capsys: pytest.CaptureFixture[str]) -> None:
    records = [Record("1+2=", "3"), Record("2+2=", "4"), Record("3+2=", "5")]
    none = np.zeros((0, 0, 0, 0), np.int64)
    right = np.array([True, False, False])
    grades = Grades(right, right, np.arange(3), 0.1, none, np.zeros(0), none.sum(0))
    problems = describe_problems(records, PLAIN)
    tables = break_down(problems, grades, PLAIN)
    tables["errors"] = problems[~right].assign(said=["9", "[/b]7\x1b:pie:"])
    metrics = {f"exact_match{end}": 1 / 3 for end in ("", "_low", "_high")} | {"loss": 0.1}
    counts = dict.fromkeys(("problems", "parameters", "active_parameters"), 3)
    samples = [(records[0], "3"), (records[1], "9")]
    show({"architecture": "gpt2", **metrics, **counts}, tables, samples, PLAIN, "nothing is known")
    printed = capsys.readouterr().out
    assert "by answer length" in printed
    shown = [line for line in printed.splitlines() if "+2=" in line]
    assert shown == [
        "prediction: 1+2=3  right",
        "prediction: 2+2=9  wrong, 4",
        # Neither rich's markup nor anything that moves the cursor.
        r"wrong: 3+2=[/b]7\x1b:pie:, not 5",
    ]
    assert "leak check: nothing is known\n" in printed


def test_bad_rows_are_refused_or_counted(tmp_path: Path) -> None:
    path, test = checkpoint(tmp_path), tmp_path / "test.jsonl"
    rows = [Record("1+2=", "3"), Record("2+2=", "5"), Record("1+2=", "3"), Record("3+2=", "5")]
    for bad, reason in ((rows[:2], "2.*is 4, not 5"), (rows[::2], "2: 1.2= stands in line 1 too")):
        write_records(test, bad)
        with pytest.raises(UserError, match=rf"line {reason}; --skip_bad_rows goes on"):
            evaluate(tiny_params(), path, tmp_path, tmp_path / "out")
    write_records(test, rows)
    with test.open("a") as file:
        file.write("nonsense\n")
    out = ["--out_dir", str(tmp_path / "out")]
    main(["--ckpt", str(path), "--data_dir", str(tmp_path), "--skip_bad_rows", *out])
    metrics = json.loads((tmp_path / "out" / "eval.json").read_text())
    assert metrics["problems"] == 2
    skipped = {key: n for key, n in metrics.items() if key.startswith("skipped_")}
    assert skipped == {"skipped_malformed": 1, "skipped_wrong": 1, "skipped_duplicate": 1}


def test_what_was_trained_on_is_told_where_it_is_known(
    tmp_path: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = {"data": tiny_params().data.model_dump(), "sha256": {}}
    path = checkpoint(tmp_path, story={"data": data, "init_from": None})
    metrics = evaluate(tiny_params(), path, data_dir, tmp_path / "out")
    assert metrics["in_training"] == 0
    train = {record.prompt for record in read_records(data_dir / "train.jsonl")}
    swapped = [
        "+".join(reversed(record.prompt[:-1].split("+"))) + "=" in train
        for record in read_records(data_dir / "test.jsonl")
    ]
    assert metrics["swapped_in_training"] == sum(swapped) > 0
    assert "exact_match_unseen" in metrics
    assert "leak check: 0 of 100 problems" in capsys.readouterr().out

    metrics = evaluate(tiny_params(), checkpoint(tmp_path), data_dir, tmp_path / "out")
    assert "in_training" not in metrics
    assert "leak check: the checkpoint's training data is not known" in capsys.readouterr().out


def test_attention_is_sharpened_where_it_is_asked_for(tmp_path: Path, data_dir: Path) -> None:
    path = checkpoint(tmp_path)
    as_trained = evaluate(tiny_params(), path, data_dir, tmp_path / "one")
    assert "attention_scale" not in as_trained
    params = tiny_params(evaluation={"attention_scale": 4.0})
    metrics = evaluate(params, path, data_dir, tmp_path / "other")
    assert metrics["attention_scale"] == 4.0
    assert metrics["loss"] != as_trained["loss"]


def test_what_experts_do_is_measured_where_it_is_asked_for(tmp_path: Path, data_dir: Path) -> None:
    path = checkpoint(tmp_path, "mixtral")
    plain = evaluate(tiny_params(), path, data_dir, tmp_path / "one")
    asked = evaluate(tiny_params(evaluation={"experts": True}), path, data_dir, tmp_path / "other")
    added = {"worst_expert_load", "expert_operator_bits", "expert_place_bits", "expert_carry_bits"}
    assert asked.keys() - plain.keys() == added
    assert asked["worst_expert_load"] == 4 * asked["max_expert_load"]
    assert plain.items() <= asked.items()
