"""Learning curves, a row for each interval and each validation."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytorch_lightning as pl
from torch import Tensor
from torch.optim import Optimizer

from ..common.files import open_replacing
from . import distributed

_STATE = ("train", "val", "_sums", "_batches", "_step")


class DivergedError(Exception):
    """The loss or the weights are no longer finite."""


class History(pl.Callback):
    """Collects a row every log_every_n_steps steps, and one for each validation.

    Lightning's CSVLogger leaves cells empty where a step has no such metric, and DVC draws an
    empty cell as 0. With several processes, each collects the same rows.

    Args:
        log_every_n_steps: optimizer steps that a row of `train` averages.

    Attributes:
        train: step, loss (mean since the row before), learning_rate (of that step); aux_loss
            for a mixture.
        val: step, loss, exact_match, and for each layer of a mixture its router_entropy_<layer>
            and expert_load_<layer>_<expert>.
        learning_rate: of the last step.
    """

    def __init__(self, log_every_n_steps: int) -> None:
        self.log_every_n_steps = log_every_n_steps
        self.train: list[dict[str, float]] = []
        self.val: list[dict[str, float]] = []
        self.learning_rate = math.nan
        self._sums: dict[str, Tensor] = {}
        self._batches = 0
        self._step = 0

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        """Keep the learning rate: after the step, the schedule has set that of the next one."""
        self.learning_rate = float(optimizer.param_groups[0]["lr"])

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, *_: Any
    ) -> None:
        """Add the batch to the mean; nothing leaves the device until a row is due."""
        for name in ("train_loss", "train_aux_loss"):
            if name in outputs:
                self._sums[name] = self._sums.get(name, 0) + outputs[name]
        self._batches += 1
        step = trainer.global_step
        if step == self._step or step % self.log_every_n_steps:
            return
        self._step = step
        sums = self.check(trainer)
        means = {k.removeprefix("train_"): v / self._batches for k, v in sums.items()}
        self.train.append({"step": step, **means, "learning_rate": self.learning_rate})
        self._sums, self._batches = {}, 0

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add a row."""
        metrics = {k: float(v) for k, v in trainer.callback_metrics.items() if k.startswith("val_")}
        row: dict[str, float] = {"step": trainer.global_step}
        row |= {k.removeprefix("val_"): v for k, v in metrics.items()}
        if not math.isfinite(row["loss"]):
            raise DivergedError(f"val_loss is {row['loss']} at step {trainer.global_step}")
        self.val.append(row)

    def write(self, folder: Path) -> None:
        """train.csv and val.csv."""
        for name, rows in (("train", self.train), ("val", self.val)):
            with open_replacing(folder / f"{name}.csv") as file:
                columns = None if rows else ["step", "loss"]
                pd.DataFrame(rows, columns=columns).to_csv(file, index=False, lineterminator="\n")

    def check(self, trainer: pl.Trainer) -> dict[str, float]:
        """The sums of the losses since the last row; all processes must call this together.

        Raises:
            DivergedError: with the step, if one was not finite.
        """
        sums = {name: float(value) for name, value in self._sums_of_all().items()}
        loss = sums.get("train_loss", 0.0)
        if not math.isfinite(loss):
            raise DivergedError(f"train_loss is {loss} at step {trainer.global_step}")
        return sums

    def _sums_of_all(self) -> dict[str, Tensor]:
        """The mean over all processes."""
        n = distributed.processes()
        return {name: distributed.summed(value) / n for name, value in self._sums.items()}

    def state_dict(self) -> dict[str, Any]:
        """All rows, and the sums since the last one, independent of the number of processes."""
        state = {name: value for name, value in vars(self).items() if name in _STATE}
        return {**state, "_sums": self._sums_of_all()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the rows of the run that is resumed."""
        vars(self).update(state_dict)
