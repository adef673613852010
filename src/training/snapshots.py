"""Weights of chosen steps, kept so that a training can be looked at as it went."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from ..checkpoint import save_checkpoint
from ..config import Params
from ..data.lineage import Story
from .sharding import whole_weights


class Snapshots(pl.Callback):
    """Saves the weights after each step of `training.snapshots`; changes nothing of the training.

    Args:
        folder: gets snapshot-STEP.ckpt. A training that is resumed repeats steps after its state,
            and writes the same files again.
        story: the origin of the weights, see `lineage.Origin`.
    """

    def __init__(self, folder: Path, params: Params, story: Story | None) -> None:
        self.folder = folder
        self.params = params
        self.story = story
        self._kept = -1

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save the first weights."""
        self._keep(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        """Save the weights of a step that is to be kept."""
        self._keep(trainer, pl_module)

    def _keep(self, trainer: pl.Trainer, lit: pl.LightningModule) -> None:
        step = trainer.global_step
        # Several batches may make up one step.
        if step not in self.params.training.snapshots or step == self._kept:
            return
        self._kept = step
        # All processes take part in gathering weights that are sharded.
        weights = whole_weights(lit)
        if trainer.is_global_zero:
            path = self.folder / f"snapshot-{step}.ckpt"
            save_checkpoint(path, weights, self.params, {"step": step}, self.story)
