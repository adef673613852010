"""A training records what it ran on, in its metrics, and its seconds, in the machine's list."""

import csv
import hashlib
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from src.train import train
from src.training.cost import Cost

from ..conftest import tiny_params


def test_metrics_name_the_hardware_and_the_list_has_the_seconds(
    tmp_path: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in (0, 1):
        folder = tmp_path / str(seed)
        params = tiny_params(training={"seed": seed})
        metrics = train(params, data_dir, folder, folder, tmp_path / "runs")
        assert metrics["hardware"] in capsys.readouterr().out.splitlines()
        assert metrics["torch"] == torch.__version__.partition("+")[0]
    with (tmp_path / "runs" / "costs.csv").open() as file:
        rows = list(csv.DictReader(file))
    of_files = [
        hashlib.sha256((tmp_path / seed / "train.json").read_bytes()).hexdigest() for seed in "01"
    ]
    assert [row["train_json"] for row in rows] == of_files
    assert all(0 < float(row["seconds"]) < 600 and row["processor"] for row in rows)


def test_an_attempt_elsewhere_is_named_and_the_seconds_add_up() -> None:
    trainer, module = pl.Trainer(logger=False), pl.LightningModule()

    def attempt(hardware: str, before: dict[str, object] | None) -> Cost:
        cost = Cost(hardware)
        if before is not None:
            cost.load_state_dict(before)
        cost.on_train_start(trainer, module)
        cost.on_train_end(trainer, module)
        return cost

    first = attempt("cpu: AVX2, 1 thread", None)
    first.seconds = 100.0
    again = attempt("cpu: AVX2, 1 thread", first.state_dict())
    elsewhere = attempt("cpu: AVX512, 2 threads", again.state_dict())
    assert again.hardware == ["cpu: AVX2, 1 thread"]
    assert elsewhere.hardware == ["cpu: AVX2, 1 thread", "cpu: AVX512, 2 threads"]
    assert 100 <= elsewhere.seconds < 160
