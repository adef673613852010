"""The evaluate stage writes what the README promises, and refuses what it cannot grade."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from src.checkpoint import save_checkpoint
from src.errors import UserError
from src.eval import evaluate, main
from src.models import build_model
from src.reading import read_records

from .conftest import ARCHITECTURES, read_csv, tiny_params


def checkpoint(folder: Path, name: str = "llama2", **model: Any) -> Path:
    params = tiny_params(name, models={"init_std": 0.2, **model})
    torch.manual_seed(0)
    weights = build_model(params.model_config_in_use).state_dict()
    path = folder / f"{name}.ckpt"
    save_checkpoint(path, {f"model.{k}": v for k, v in weights.items()}, params, {"step": 0})
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
