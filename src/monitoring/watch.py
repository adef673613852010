"""What there is to see of a running training: figures for a logger, and a bar or lines."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl
import torch

from ..config import Params
from ..data.records import to_records
from ..dataset import ArithmeticDataset
from ..generation import generate_answers
from ..lightning_module import LitLM
from ..terminal.progress_bar import LINES_APART, Bar, duration, start_bar
from ..training.history import History
from ..training.sharding import is_sharded
from .loggers import log_samples


class Watch(pl.Callback):
    """Shows what `History` has collected, and changes nothing that a stage writes.

    The logger gets the rows of train.csv and val.csv, as ``train_loss``, ``learning_rate``,
    ``val_loss``, ``val_exact_match`` and so on; beside a row of train.csv ``grad_norm`` (of that
    step, before clipping) and ``problems_per_second`` (since the row before, without validations);
    beside one of val.csv ``samples``, what the model says to some validation problems.

    Args:
        params: of the run.
        val: the first `n_samples` of these problems are asked.
    """

    def __init__(self, params: Params, val: ArithmeticDataset) -> None:
        training = params.training
        self.history: History
        self.progress = params.runtime.progress
        self.problems_a_step = training.batch_size * training.accumulate_grad_batches
        self.samples = to_records(val.tokens[: training.n_samples].numpy())
        self._bar: Bar | None = None
        self._speed: float | None = None
        self._row_step = 0
        # Of the time since the last row: when it began, later by what validations took.
        self._row_time = 0.0
        self._validation_began = 0.0
        # Where the estimate of the time left begins.
        self._first_step, self._first_time = 0, 0.0
        self._line_time = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clocks."""
        # It comes before this among the callbacks.
        callbacks = trainer.callbacks  # type: ignore[attr-defined]  # unknown to Lightning's types
        (self.history,) = (each for each in callbacks if isinstance(each, History))
        step, now = trainer.global_step, time.monotonic()
        self._row_step = self._first_step = step
        self._row_time = self._first_time = self._line_time = now
        self._bar = start_bar("step", trainer.max_steps, self.progress, done=step)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        """Log and show what is new, if `History` has just added a row."""
        step = trainer.global_step
        if self._bar:
            self._bar.update(step)
        rows = self.history.train
        if step == self._row_step or not rows or rows[-1]["step"] != step:
            return
        now = time.monotonic()
        if self._speed is None:
            # Compiling is over: it says nothing of the time that is left.
            self._first_step, self._first_time = step, now
        self._speed = self.problems_a_step * (step - self._row_step) / (now - self._row_time)
        self._row_step, self._row_time = step, now
        if trainer.loggers:
            self._log_row(trainer, pl_module)
        if self._bar:
            self._bar.update(step, self._brief())
        elif now - self._line_time > LINES_APART:
            self._print(trainer)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop the clock of the training's speed."""
        self._validation_began = time.monotonic()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show the figures, and what the model says."""
        if trainer.loggers:
            self._log_validation(trainer, pl_module)
        if self._bar:
            self._bar.update(trainer.global_step, self._brief())
        self._print(trainer)
        self._row_time += time.monotonic() - self._validation_began

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Wipe the bar off."""
        if self._bar:
            self._bar.close()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Wipe the bar off, or it would draw over the error."""
        if self._bar:
            self._bar.close()

    def _log_row(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, LitLM)
        row = self.history.train[-1]
        figures = {f"train_{name}": row[name] for name in ("loss", "aux_loss") if name in row}
        figures["learning_rate"] = row["learning_rate"]
        figures["grad_norm"] = float(pl_module.grad_norm)
        figures["problems_per_second"] = self._speed or 0.0
        for logger in trainer.loggers:
            logger.log_metrics(figures, trainer.global_step)
            logger.save()

    def _log_validation(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, LitLM)
        row = self.history.val[-1]
        figures = {f"val_{name}": value for name, value in row.items() if name != "step"}
        # A model with sharded weights answers only where all processes ask it.
        samples = [] if is_sharded(pl_module.model) else self.samples
        with torch.compiler.set_stance("force_eager"):
            said = generate_answers(pl_module.model, [record.prompt for record in samples])
        table = [
            [record.prompt, answer, "right" if answer == record.target else record.target]
            for record, answer in zip(samples, said, strict=True)
        ]
        for logger in trainer.loggers:
            logger.log_metrics(figures, trainer.global_step)
            log_samples(logger, table, trainer.global_step)
            logger.save()

    def _print(self, trainer: pl.Trainer) -> None:
        """One line; above the bar, where there is one."""
        if not self.progress:
            return
        step, now = trainer.global_step, time.monotonic()
        words = [f"step {step:>6,} of {trainer.max_steps:,}", self._figures()]
        if step > self._first_step and self._speed is not None:
            seconds = (now - self._first_time) / (step - self._first_step)
            words.append(f"{duration(seconds * (trainer.max_steps - step))} left")
        # A pipe would keep the lines back until there are some thousand characters.
        print("  ".join(words), flush=True)
        self._line_time = now

    def _brief(self) -> str:
        """What fits beside a bar in 80 columns."""
        words = []
        if self.history.train:
            words.append(f"loss {self.history.train[-1]['loss']:.4f}")
        if self.history.val:
            words.append(f"exact match {self.history.val[-1]['exact_match']:.4f}")
        if self._speed is not None:
            words.append(f"{self._speed:,.0f}/s")
        return "  ".join(words)

    def _figures(self) -> str:
        words = []
        if self.history.train:
            words.append(f"train_loss {self.history.train[-1]['loss']:.4f}")
        if self.history.val:
            row = self.history.val[-1]
            words.append(f"val_loss {row['loss']:.4f}  val_exact_match {row['exact_match']:.4f}")
        if self._speed is not None:
            words.append(f"{self._speed:,.0f} problems/s")
        return "  ".join(words)
