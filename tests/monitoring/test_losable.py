"""A logger that cannot write is given up with a line; the training ends with the same bytes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytorch_lightning.loggers import TensorBoardLogger

from src.monitoring.losable import Losable

from ..conftest import ROOT, small_disk
from .test_watch import trained

GONE = "; the training goes on without its log\n"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for two pages of files."""
    with small_disk(tmp_path / "disk", "8k"):
        yield tmp_path / "disk"


def test_a_training_whose_log_cannot_be_written_ends_with_the_same_bytes(
    tmp_path: Path,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with_log = trained(tmp_path / "1", data_dir, "tensorboard")
    assert capsys.readouterr().err == ""
    (tmp_path / "file").write_text("where the folder should be")

    def elsewhere(save_dir: Path, name: str, **others: object) -> TensorBoardLogger:
        return TensorBoardLogger(tmp_path / "file", name)

    monkeypatch.setattr("src.monitoring.loggers.TensorBoardLogger", elsewhere)
    assert trained(tmp_path / "2", data_dir, "tensorboard") == with_log
    said = capsys.readouterr().err
    assert said.endswith(f"/tensorboard: Not a directory{GONE}")
    assert said.count("\n") == 1


def test_what_tensorboards_thread_cannot_write_is_said_once(
    disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = Losable(TensorBoardLogger(disk), disk)
    for step in range(300):
        logger.log_metrics({"loss": 1.0}, step)
        logger.save()
    logger.finalize("success")
    assert capsys.readouterr().err == f"{disk}: No space left on device{GONE}"


WANDB = """
import sys
from pathlib import Path
from src.monitoring.loggers import log_samples, make_logger
from tests.conftest import tiny_params
logger = make_logger(tiny_params(runtime={"logger": "wandb"}), Path(sys.argv[1]), None)
for step in range(20):
    logger.log_metrics({"loss": 1.0}, step)
    log_samples(logger, [["1+1=", "2", "right"]], step)
    logger.save()
logger.finalize("success")
# wandb prints at its end, and not through Python.
print("done", flush=True)
"""


@pytest.mark.slow
# With the smaller disk, wandb can write nothing from its start on.
@pytest.mark.parametrize("room", ["4k", "8k"])
def test_what_wandb_cannot_write_is_said_once(tmp_path: Path, room: str) -> None:
    pytest.importorskip("wandb")
    outer = {k: v for k, v in os.environ.items() if not k.startswith("WANDB")}
    mine = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "WANDB_MODE": "offline"}
    disk = tmp_path / "disk"
    with small_disk(disk, room):
        done = subprocess.run(
            [sys.executable, "-c", WANDB, str(disk)],
            env=outer | mine,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
    assert done.stdout.startswith("done\n")
    assert done.stderr.count(f"{disk}/wandb: No space left on device{GONE}") == 1
    assert "Traceback" not in done.stderr
