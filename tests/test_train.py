"""Training writes the same bytes for the same inputs, and ends by its own rule or not at all."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from src.checkpoint import load_model
from src.common.errors import UserError
from src.config import Params
from src.eval import evaluate
from src.lightning_module import learning_rate_factor
from src.params import load_params
from src.train import main, train
from src.training.cost import Cost
from src.training.fit import Fit
from src.training.history import History

from .conftest import ARCHITECTURES, read_csv, tiny_params


def trained(folder: Path, data_dir: Path, params: Params) -> dict[str, Any]:
    return train(params, data_dir, folder / "models", folder / "metrics", folder / "runs")


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_same_inputs_same_bytes_in_any_folder(name: str, tmp_path: Path, data_dir: Path) -> None:
    params = tiny_params(name, models={"dropout": 0.1}, training={"max_steps": 20})
    here, there = tmp_path / "here", tmp_path / "there" / "deeper"
    assert trained(here, data_dir, params) == trained(there, data_dir, params)
    assert contents(here / "models") == contents(there / "models")
    assert contents(here / "metrics") == contents(there / "metrics")
    assert sorted(contents(here / "models")) == [
        "best.ckpt",
        "config.yaml",
        "last.ckpt",
        "samples.txt",
    ]


def test_another_seed_gives_other_weights(tmp_path: Path, data_dir: Path) -> None:
    for seed in (0, 1):
        trained(tmp_path / str(seed), data_dir, tiny_params(training={"seed": seed}))
    one, other = (contents(tmp_path / str(seed) / "models")["best.ckpt"] for seed in (0, 1))
    assert one != other


def test_metrics_and_curves(tmp_path: Path, data_dir: Path) -> None:
    metrics = trained(tmp_path, data_dir, tiny_params("mixtral", training={"max_steps": 25}))
    assert json.loads((tmp_path / "metrics" / "train.json").read_text()) == metrics
    assert metrics["steps"] == 25
    rows = read_csv(tmp_path / "metrics" / "val.csv")
    # Every 10 batches, and the last step although 25 is no multiple of 10.
    assert [row["step"] for row in rows] == ["10", "20", "25"]
    losses = [float(row["loss"]) for row in rows]
    assert metrics["val_loss"] == min(losses)
    assert metrics["best_step"] == [10, 20, 25][losses.index(min(losses))]
    for layer in range(2):
        assert sum(float(rows[0][f"expert_load_{layer}_{e}"]) for e in range(4)) == pytest.approx(1)
        assert 0 < float(rows[0][f"router_entropy_{layer}"]) <= math.log(4)
    assert metrics["problems_seen"] == 25 * 32
    assert metrics["training_flops"] > 0
    curve = read_csv(tmp_path / "metrics" / "train.csv")
    assert [row["step"] for row in curve] == ["10", "20"]
    assert all(value for row in rows + curve for value in row.values())


def test_steps_to_a_share_are_those_of_the_first_validation_that_reaches_it() -> None:
    history = History(10)
    shares = np.array([0.5, 0.9, 0.8, 0.95], np.float32).tolist()
    history.val = [
        {"step": 10.0 * (i + 1), "loss": 1.0, "exact_match": share}
        for i, share in enumerate(shares)
    ]
    cost = Cost("cpu: AVX2, 1 thread")
    metrics = Fit(
        {}, {}, history.val[3], history.val[3], [], [], history, False, 0, 0, cost
    ).metrics()
    reached = [metrics[f"steps_to_{share}"] for share in ("90", "99", "99_9")]
    assert reached == [20, None, None]


def test_best_checkpoint_is_of_the_lowest_validation_loss(tmp_path: Path, data_dir: Path) -> None:
    # A learning rate that rises far too high makes later weights worse than earlier ones.
    settings = {"learning_rate": 3.0, "max_steps": 35, "warmup_steps": 34}
    params = tiny_params(training=settings)
    metrics = trained(tmp_path, data_dir, params)
    assert metrics["val_loss"] < metrics["last_val_loss"]
    best = torch.load(tmp_path / "models" / "best.ckpt", weights_only=True)
    assert best["metrics"]["step"] == metrics["best_step"] < 35
    model, _ = load_model(tmp_path / "models" / "best.ckpt")
    # Graded again as the evaluate stage would, on the validation split.
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "test.jsonl").write_bytes((data_dir / "val.jsonl").read_bytes())
    graded = evaluate(
        params, tmp_path / "models" / "best.ckpt", tmp_path / "data", tmp_path / "out"
    )
    assert graded["loss"] == pytest.approx(metrics["val_loss"], rel=1e-5)
    assert graded["exact_match"] == pytest.approx(metrics["val_exact_match"], abs=1e-6)
    assert graded["parameters"] == model.num_parameters()


def test_early_stopping_is_an_end_by_its_own_rule(tmp_path: Path, data_dir: Path) -> None:
    settings = {"learning_rate": 0.3, "max_steps": 500, "patience": 1, "warmup_steps": 0}
    metrics = trained(tmp_path, data_dir, tiny_params(training=settings))
    assert metrics["stopped_early"]
    assert metrics["steps"] < 500
    assert (tmp_path / "models" / "best.ckpt").exists()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_accumulated_batches_are_one_large_batch(name: str, tmp_path: Path, data_dir: Path) -> None:
    # Adam, as Muon's bfloat16 makes more of the last digits.
    settings: dict[str, Any] = {"max_steps": 10, "log_every_n_steps": 1, "optimizer": "adamw"}
    # A mixture's auxiliary loss is not quite the same.
    tolerance = 1e-3 if name == "mixtral" else 1e-5
    curves = []
    for parts in (1, 4):
        settings |= {"batch_size": 32 // parts, "accumulate_grad_batches": parts}
        settings["val_check_interval"] = 10.0 * parts
        params = tiny_params(name, training=settings)
        assert trained(tmp_path / str(parts), data_dir, params)["steps"] == 10
        curves.append(read_csv(tmp_path / str(parts) / "metrics" / "train.csv"))
    for row, expected in zip(*curves, strict=True):
        assert row["learning_rate"] == expected["learning_rate"]
        assert float(row["loss"]) == pytest.approx(float(expected["loss"]), rel=tolerance)


def test_the_learning_rate_of_a_row_is_that_of_its_step(tmp_path: Path, data_dir: Path) -> None:
    params = tiny_params(training={"log_every_n_steps": 1, "learning_rate": 0.01})
    trained(tmp_path, data_dir, params)
    rows = read_csv(tmp_path / "metrics" / "train.csv")
    rates = [float(row["learning_rate"]) for row in rows]
    expected = [0.01 * learning_rate_factor(step, params.training) for step in range(30)]
    assert rates == pytest.approx(expected)
    # From the first step on, and never 0.
    assert rates[0] == pytest.approx(0.01 / 5)
    assert rates[-1] > 0


def test_training_that_diverges_writes_nothing(tmp_path: Path, data_dir: Path) -> None:
    settings = {"learning_rate": 1e30, "grad_clip": 0.0, "warmup_steps": 0}
    params = tiny_params(training=settings, models={"norm": "layernorm"})
    message = r"diverged: train_loss is nan at step \d+ with learning rate .* checkpoint: none"
    with pytest.raises(UserError, match=message):
        trained(tmp_path, data_dir, params)
    assert not (tmp_path / "models").exists()
    assert not (tmp_path / "metrics").exists()


def test_bfloat16_trains_on_the_cpu(tmp_path: Path, data_dir: Path) -> None:
    params = tiny_params("mixtral", training={"precision": "bf16-mixed", "max_steps": 10})
    assert trained(tmp_path, data_dir, params)["steps"] == 10


def test_a_problem_too_long_for_the_model_is_refused(tmp_path: Path, data_dir: Path) -> None:
    with pytest.raises(UserError, match=r"train.jsonl: .* 11 tokens.*max_seq_len = 10"):
        trained(tmp_path, data_dir, tiny_params(models={"max_seq_len": 10}))
    assert not (tmp_path / "models").exists()


def test_config_copy_trains_the_same_again(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = tiny_params("gpt2")
    trained(tmp_path, data_dir, params)
    copy = load_params(tmp_path / "models" / "config.yaml")
    assert copy.model_config_in_use == params.model_config_in_use
    assert copy.training == params.training
    assert set(yaml.safe_load((tmp_path / "models" / "config.yaml").read_text())) == {
        "model",
        "training",
    }


def test_samples_show_the_best_models_answers(tmp_path: Path, data_dir: Path) -> None:
    trained(tmp_path, data_dir, tiny_params())
    lines = (tmp_path / "models" / "samples.txt").read_text().splitlines()
    assert len(lines) == 3
    assert all(line.endswith("right") or ", " in line for line in lines)


def test_unknown_logger_is_refused(data_dir: Path) -> None:
    with pytest.raises(UserError, match=r"runtime.logger = 'x': must be 'wandb', 'tensorboard'"):
        main(["--data_dir", str(data_dir), "--logger", "x"])


def test_a_finished_run_leaves_no_checkpoints_outside_the_outputs(
    tmp_path: Path, data_dir: Path
) -> None:
    trained(tmp_path, data_dir, tiny_params())
    assert not list((tmp_path / "runs").rglob("*.ckpt"))
