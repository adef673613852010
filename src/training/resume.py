"""Save a running training so that it can be resumed exactly, to the byte of its results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from ..checkpoint import about, write_tensors
from ..data.lineage import Story
from . import distributed
from .history import DivergedError, History
from .run_dir import save_progress


class CheckpointFiles(TorchCheckpointIO):
    """Writes Lightning's checkpoints beside their place and renames them.

    Lightning's own writer goes through the system's temporary folder, from which a move to
    another file system can be cut off half-way.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write one checkpoint; the file appears whole or not at all."""
        write_tensors(Path(path), checkpoint)

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Read in the first process, for all of them: others may have no access to the file."""
        read = super().load_checkpoint
        return distributed.from_first(lambda: read(path, *args, **kwargs))


class Progress(pl.Callback):
    """Saves the whole state every `every_n_steps` optimizer steps, also within an epoch.

    Lightning saves weights, optimizer, schedule and the callbacks' states; this adds the random
    state of each process and the position in the data, counted in whole batches, so that another
    number of processes can resume.

    Args:
        run_dir: gets the files, see `run_dir`.
        every_n_steps: optimizer steps between two states.
        history: checked for divergence before a state is saved.
        story: the origin of the weights that checkpoints record, see `lineage.Origin`.
    """

    def __init__(
        self,
        run_dir: Path,
        every_n_steps: int,
        history: History,
        story: Story | None = None,
    ) -> None:
        self.run_dir = run_dir
        self.every_n_steps = every_n_steps
        self.history = history
        self.story = story
        self._saved_step = 0
        self._random: dict[str, Any] | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Restore the random state of a resumed run, after everything that may draw in set-up."""
        self._saved_step = trainer.global_step
        if self._random is not None:
            states = [self._random, *self._random.get("others", [])]
            if trainer.global_rank < len(states):
                state = states[trainer.global_rank]
                torch.set_rng_state(state["cpu"])
                if state["cuda"]:
                    torch.cuda.set_rng_state_all(state["cuda"])

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Save at the start of a batch, when the step before it is complete with its validation."""
        step = trainer.global_step
        if step == self._saved_step or step % self.every_n_steps:
            return
        self._saved_step = step
        self.history.check(trainer)
        if not all(p.isfinite().all() for p in pl_module.parameters()):
            raise DivergedError(f"the weights are not finite at step {step}")
        if trainer.is_global_zero:
            save_progress(self.run_dir, step, trainer.save_checkpoint)
        else:
            # Takes part in gathering the state, but writes nothing.
            trainer.save_checkpoint(self.run_dir / "progress")

    def state_dict(self) -> dict[str, Any]:
        """The random states of all processes."""
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        states = distributed.from_all({"cpu": torch.get_rng_state(), "cuda": cuda})
        return {**states[0], "others": states[1:]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep the random states for `on_train_start`."""
        self._random = state_dict

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Make Lightning's checkpoints readable for `load_model`, and correct their batch count.

        Lightning counts fetched batches, and would count the one twice that was fetched already but
        not trained on.
        """
        row: dict[str, float] = {"step": trainer.global_step}
        if self.history.val and self.history.val[-1]["step"] == trainer.global_step:
            row = self.history.val[-1]
        checkpoint |= about(checkpoint["state_dict"], row, self.story)
        loop = checkpoint["loops"]["fit_loop"]
        for count in ("total", "current"):
            progress = loop["epoch_loop.batch_progress"][count]
            progress["ready"] = progress["completed"]
        done = loop["epoch_loop.batch_progress"]["total"]["completed"]
        loop["state_dict"]["combined_loader"] = [{"start": done}]
