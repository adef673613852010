"""Where a training ran and how long it took: the first can change its result, both are its cost."""

from __future__ import annotations

import csv
import hashlib
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from ..common.csv_cells import quoted

# One row for each training that ended on this machine, in the folder of the running ones: a file
# that a stage tracks would have other bytes each time.
COSTS = "costs.csv"
_COLUMNS = ("train_json", "seconds", "processor", "ended")


class Cost(pl.Callback):
    """Keeps what a training ran on and counts its seconds, over all attempts.

    Args:
        hardware: of this attempt, see `hardware.Hardware.line`.

    Attributes:
        hardware: that of each attempt whose steps count, each once: one that resumes elsewhere
            rounds differently from there on.
        seconds: of the training loop with its validations, without repeated steps.
    """

    def __init__(self, hardware: str) -> None:
        self.hardware: list[str] = []
        self.seconds = 0.0
        self._now = hardware
        self._began: float | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock; what was restored belongs to earlier attempts."""
        if self._now not in self.hardware:
            self.hardware.append(self._now)
        self._began = time.monotonic()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop the clock."""
        self.seconds, self._began = self._seconds(), None

    def state_dict(self) -> dict[str, Any]:
        """What the next attempt goes on from."""
        return {"hardware": list(self.hardware), "seconds": self._seconds()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what earlier attempts counted."""
        self.hardware, self.seconds = list(state_dict["hardware"]), state_dict["seconds"]

    def _seconds(self) -> float:
        running = time.monotonic() - self._began if self._began is not None else 0.0
        return self.seconds + running

    def enter(self, runs_dir: Path, train_json: Path) -> None:
        """Add a row to the list of this machine, by which a comparison finds the seconds.

        Columns: train_json (SHA-256 of the training's metrics), seconds, processor (its name),
        ended (in UTC).

        Args:
            train_json: the file of those metrics.
        """
        path = runs_dir / COSTS
        digest = hashlib.sha256(train_json.read_bytes()).hexdigest()
        ended = datetime.now(UTC).isoformat(timespec="seconds")
        # Opened for appending, a row is written at once: trainings may end at the same time.
        with path.open("a", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            if not path.stat().st_size:
                rows.writerow(_COLUMNS)
            rows.writerow([digest, f"{self.seconds:.1f}", quoted(_processor()), ended])


def _processor() -> str:
    """The name of the GPU, or of the processor."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return str(torch.cpu.get_capabilities().get("cpu_name", "unknown"))
