"""What a training shows: figures for loggers, a bar, lines; none of it changes a result."""

import importlib
import json
import math
import os
import pty
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src.common.errors import UserError
from src.ops.hardware import hardware
from src.train import train

from ..conftest import ROOT, read_csv, tiny_params

NAMES = {
    "train_loss",
    "train_aux_loss",
    "learning_rate",
    "grad_norm",
    "problems_per_second",
    "val_loss",
    "val_exact_match",
    *(f"val_router_entropy_{layer}" for layer in range(2)),
    *(f"val_expert_load_{layer}_{expert}" for layer in range(2) for expert in range(4)),
}
BEGINS = hardware(torch.device("cpu")).line("muon", compiled=False)
LINE = re.compile(
    r"step +\d+ of 30  train_loss \d\.\d{4}  val_loss \d\.\d{4}  val_exact_match \d\.\d{4}"
    r"  [\d,]+ problems/s(  \d+ s left)?"
)


def trained(
    folder: Path, data_dir: Path, logger: str, name: str = "mixtral", **sections: Any
) -> dict[str, bytes]:
    """Files of a tiny training; it has dropout, so that any additional random draw would show."""
    runtime = {"logger": logger} | sections.pop("runtime", {})
    params = tiny_params(name, models={"dropout": 0.1}, runtime=runtime, **sections)
    train(params, data_dir, folder / "models", folder / "metrics", folder / "runs")
    return results(folder)


def results(folder: Path) -> dict[str, bytes]:
    files = [*folder.glob("models/*"), *folder.glob("metrics/*"), *folder.glob("checkpoints/*/*")]
    return {path.name: path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def unwatched(
    tmp_path_factory: pytest.TempPathFactory, data_dir: Path
) -> Callable[[], dict[str, bytes]]:
    """Files of a training without logger and bar."""
    return cache(lambda: trained(tmp_path_factory.mktemp("unwatched"), data_dir, "none"))


def events(folder: Path) -> EventAccumulator:
    """What TensorBoard reads."""
    (logs,) = folder.glob("runs/*/tensorboard")
    return EventAccumulator(str(logs)).Reload()


def scalars(log: EventAccumulator, name: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in log.Scalars(name)]


def test_tensorboard_shows_curves_and_samples_and_changes_no_result(
    tmp_path: Path, data_dir: Path, unwatched: Callable[[], dict[str, bytes]]
) -> None:
    assert trained(tmp_path, data_dir, "tensorboard") == unwatched()
    log = events(tmp_path)
    assert set(log.Tags()["scalars"]) - {"hp_metric"} == NAMES
    for split, columns in (("train", ["loss", "aux_loss"]), ("val", ["loss", "exact_match"])):
        rows = read_csv(tmp_path / "metrics" / f"{split}.csv")
        for column in columns:
            expected = [(int(row["step"]), pytest.approx(float(row[column]))) for row in rows]
            assert scalars(log, f"{split}_{column}") == expected
    for name in ("grad_norm", "problems_per_second", "learning_rate"):
        assert [step for step, _ in scalars(log, name)] == [10, 20, 30]
        assert all(math.isfinite(value) for _, value in scalars(log, name))
    (tag,) = log.Tags()["tensors"]
    assert tag == "samples/text_summary"
    shown = log.Tensors(tag)
    assert [event.step for event in shown] == [10, 20, 30]
    lines = shown[-1].tensor_proto.string_val[0].decode().splitlines()
    assert len(lines) == 2 + 3
    val = (data_dir / "val.jsonl").read_text().splitlines()
    for line, problem in zip(lines[2:], map(json.loads, val), strict=False):
        prompt, answer, right = (cell.strip(" `") for cell in line.split("|"))
        assert prompt == problem["prompt"]
        assert (right == "right") == (answer == problem["target"])
        assert right in ("right", problem["target"])


def history(path: Path) -> list[dict[str, Any]]:
    """All rows that a run logged, from wandb's offline file, which has LevelDB's log format."""
    records = importlib.import_module("wandb.proto.wandb_internal_pb2")
    content = path.read_bytes()
    rows, place, whole = [], 7, b""
    while place + 7 <= len(content):
        if (rest := -place % 2**15) < 7 and rest:
            place += rest
            continue
        length, kind = struct.unpack("<HB", content[place + 4 : place + 7])
        whole += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # the whole of a record, or its last part
            items = records.Record.FromString(whole).history.item
            rows.append({"/".join(i.nested_key) or i.key: json.loads(i.value_json) for i in items})
            whole = b""
    return [row for row in rows if row]


def command(folder: Path, data_dir: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """``python -m src.train --logger wandb`` in a folder of its own."""
    params = tiny_params("mixtral", models={"dropout": 0.1})
    (folder / "params.yaml").write_text(yaml.safe_dump(params.model_dump()))
    flags = ["--config", "params.yaml", "--data_dir", str(data_dir), "--logger", "wandb"]
    outer = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB", "DVC"))}
    # Neither keys nor settings of whoever runs the tests.
    home = {"HOME": str(folder), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "src.train", *flags],
        cwd=folder,
        env=outer | home | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
def test_wandb_offline_gets_the_same_names_and_changes_no_result(
    tmp_path: Path, data_dir: Path, unwatched: Callable[[], dict[str, bytes]]
) -> None:
    pytest.importorskip("wandb")
    done = command(tmp_path, data_dir, WANDB_MODE="offline")
    assert done.returncode == 0, done.stderr
    assert results(tmp_path) == unwatched()
    (path,) = tmp_path.glob("runs/*/wandb/offline-run-*/run-*.wandb")
    rows = history(path)
    assert NAMES <= {name for row in rows for name in row}
    losses = [(row["trainer/global_step"], row["val_loss"]) for row in rows if "val_loss" in row]
    expected = read_csv(tmp_path / "checkpoints" / "params" / "val.csv")
    assert losses == [(int(row["step"]), pytest.approx(float(row["loss"]))) for row in expected]
    tables = list(path.parent.glob("files/media/table/samples_*.json"))
    assert tables
    assert len(json.loads(tables[0].read_text())["data"]) == 3


@pytest.mark.slow
def test_wandb_without_a_key_is_one_line_before_the_training(
    tmp_path: Path, data_dir: Path
) -> None:
    pytest.importorskip("wandb")
    done = command(tmp_path, data_dir)
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: runtime.logger = wandb: not logged in: `wandb login` once, or ")
    assert "WANDB_MODE=offline" in last
    assert not results(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("short", "WANDB_API_KEY invalid: API key must have 40"),
        # A server that refuses the connection, at the port that nobody listens at.
        ("a" * 40, "refused"),
    ],
)
def test_wandb_with_a_wrong_key_or_without_a_network_ends_in_one_line(
    key: str, reason: str, tmp_path: Path, data_dir: Path
) -> None:
    server = {"WANDB_BASE_URL": "http://127.0.0.1:9", "WANDB_INIT_TIMEOUT": "3"}
    done = command(tmp_path, data_dir, WANDB_API_KEY=key, **server)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: runtime.logger = wandb: ")
    assert reason in done.stderr
    assert "WANDB_MODE=offline" in last
    assert not results(tmp_path)


def test_wandb_that_is_not_installed_is_named(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UserError, match=r"pip install -r requirements.txt"):
        trained(tmp_path, data_dir, "wandb")


def test_the_gradients_norm_is_that_before_clipping(tmp_path: Path, data_dir: Path) -> None:
    norms = []
    for clip in (0.0, 1e-3):
        settings = {"grad_clip": clip, "max_steps": 6, "log_every_n_steps": 1}
        folder = tmp_path / str(clip)
        trained(folder, data_dir, "tensorboard", training=settings)
        norms.append([norm for _, norm in scalars(events(folder), "grad_norm")])
    # At the first step both have the same weights.
    assert norms[0][0] == pytest.approx(norms[1][0])
    assert min(norms[1]) > 0.1


def test_lines_say_how_far_how_good_and_how_fast(
    tmp_path: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(tmp_path, data_dir, "none", runtime={"progress": True})
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == BEGINS
    assert len(lines) == 3
    assert all(LINE.fullmatch(line) for line in lines), lines
    assert "left" in lines[-1]


def test_a_line_comes_each_minute_where_validations_are_rare(
    tmp_path: Path,
    data_dir: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("src.monitoring.watch.LINES_APART", 0.0)
    settings = {"val_check_interval": 30.0}
    trained(tmp_path, data_dir, "none", training=settings, runtime={"progress": True})
    _, *lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["10", "20", "30", "30"]
    assert "val_loss" not in lines[0]


def test_progress_false_says_only_how_it_begins(
    tmp_path: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(tmp_path, data_dir, "none", "llama2", training={"max_steps": 10})
    assert capsys.readouterr().out == f"{BEGINS}\n"


def on_a_terminal(folder: Path, call: str, *words: str) -> str:
    """Output of a command on a pseudo-terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", call, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "OMP_NUM_THREADS": "1"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    output = b""
    while True:
        try:
            output += os.read(ours, 2**16)
        except OSError:  # nobody is left to write
            break
    os.close(ours)
    assert process.wait() == 0, output.decode()
    return output.decode()


GENERATE = "from src import data_gen; data_gen.main()"
TRAIN = "from src import train; train.main()"


@pytest.mark.slow
@pytest.mark.parametrize("progress", [True, False])
def test_a_terminal_gets_a_bar(progress: bool, tmp_path: Path) -> None:
    params = tiny_params(
        training={"max_steps": 20}, runtime={"progress": progress, "logger": "none"}
    )
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params.model_dump()))
    config = ("--config", "params.yaml")
    generated = on_a_terminal(tmp_path, GENERATE, *config, "--out_dir", "data")
    assert ("of 1,000" in generated) == progress
    assert "800 train, 100 val, 100 test problems" in generated
    output = on_a_terminal(tmp_path, TRAIN, *config, "--data_dir", "data")
    assert ("of 20  train_loss" in output) == progress
    assert ("exact match " in output) == progress
    # The bar is erased in the end, by an escape sequence.
    assert ("\x1b[2K" in output) == progress
    assert re.search(r"checkpoints/params: llama2, 20 steps, val_loss [\d.]+", output)
