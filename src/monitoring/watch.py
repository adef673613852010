"""The callback that shows a running training: figures for loggers, and a bar or lines."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl
import torch

from ..config import Params
from ..data.formats import Format
from ..data.records import to_records
from ..dataset import ArithmeticDataset
from ..generation import generate_answers
from ..lightning_module import LitLM
from ..terminal.progress_bar import LINES_APART, Bar, duration, start_bar
from ..terminal.say import say
from ..training.history import History
from ..training.sharding import is_sharded
from .loggers import log_samples


class Watch(pl.Callback):
    """Shows what `History` has collected; changes no result of a stage.

    Loggers get the rows of train.csv and val.csv, as ``train_loss``, ``learning_rate``,
    ``val_loss``, ``val_exact_match`` and so on. With each row of train.csv they get ``grad_norm``
    (of that step, before clipping) and ``problems_per_second`` (since the last row, without the
    time of validations); with each row of val.csv ``samples``, the model's answers to some
    validation problems.

    Args:
        params: parameters of the run.
        val: the validation problems, of which the first `training.n_samples` are samples.
        written: how they are written.
    """

    def __init__(self, params: Params, val: ArithmeticDataset, written: Format) -> None:
        training = params.training
        self.history: History
        self.progress = params.runtime.progress
        self.problems_a_step = training.batch_size * training.accumulate_grad_batches
        self.written = written
        self.samples = to_records(val.tokens[: training.n_samples].numpy())
        self._bar: Bar | None = None
        self._speed: float | None = None
        self._row_step = 0
        # When the last row was added, moved later by the time that validations took since.
        self._row_time = 0.0
        self._validation_began = 0.0
        # Step and time from which the time left is estimated.
        self._first_step, self._first_time = 0, 0.0
        self._line_time = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clocks."""
        # Before this one in the list, so that a new row is there when it is to be shown.
        callbacks = trainer.callbacks  # type: ignore[attr-defined]  # unknown to Lightning's types
        (self.history,) = (each for each in callbacks if isinstance(each, History))
        step, now = trainer.global_step, time.monotonic()
        self._row_step = self._first_step = step
        self._row_time = self._first_time = self._line_time = now
        self._bar = start_bar("step", trainer.max_steps, self.progress, done=step)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        """Log and show the new row, if `History` has just added one."""
        step = trainer.global_step
        if self._bar:
            self._bar.update(step)
        rows = self.history.train
        if step == self._row_step or not rows or rows[-1]["step"] != step:
            return
        now = time.monotonic()
        if self._speed is None:
            # The steps before the first row included compiling, which does not recur.
            self._first_step, self._first_time = step, now
        self._speed = self.problems_a_step * (step - self._row_step) / (now - self._row_time)
        self._row_step, self._row_time = step, now
        if trainer.loggers:
            self._log_row(trainer, pl_module)
        if self._bar:
            self._bar.update(step, self._short_text())
        elif now - self._line_time > LINES_APART:
            self._print(trainer)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note the time, as validations do not count for the training's speed."""
        self._validation_began = time.monotonic()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log and show the new row of figures, and log the model's answers to the samples."""
        if trainer.loggers:
            self._log_validation(trainer, pl_module)
        if self._bar:
            self._bar.update(trainer.global_step, self._short_text())
        self._print(trainer)
        self._row_time += time.monotonic() - self._validation_began

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Erase the bar."""
        if self._bar:
            self._bar.close()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Erase the bar, which would draw over the error message."""
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
        # No samples with sharded weights: only one process logs, and a forward pass needs all.
        samples = [] if is_sharded(pl_module.model) else self.samples
        with torch.compiler.set_stance("force_eager"):
            prompts = [record.prompt for record in samples]
            said = generate_answers(pl_module.model, prompts, self.written.traced)
        table = [
            [
                record.prompt,
                answer,
                self.written.judge(answer, record.target).removeprefix("wrong, "),
            ]
            for record, answer in zip(samples, said, strict=True)
        ]
        for logger in trainer.loggers:
            logger.log_metrics(figures, trainer.global_step)
            log_samples(logger, table, trainer.global_step)
            logger.save()

    def _print(self, trainer: pl.Trainer) -> None:
        """Print a line of figures, above the bar if there is one."""
        if not self.progress:
            return
        step, now = trainer.global_step, time.monotonic()
        words = [f"step {step:>6,} of {trainer.max_steps:,}", self._long_text()]
        if step > self._first_step and self._speed is not None:
            seconds = (now - self._first_time) / (step - self._first_step)
            words.append(f"{duration(seconds * (trainer.max_steps - step))} left")
        say("  ".join(words))
        self._line_time = now

    def _short_text(self) -> str:
        """The latest figures, short enough for a place beside the bar in 80 columns."""
        words = []
        if self.history.train:
            words.append(f"loss {self.history.train[-1]['loss']:.4f}")
        if self.history.val:
            words.append(f"exact match {self.history.val[-1]['exact_match']:.4f}")
        if self._speed is not None:
            words.append(f"{self._speed:,.0f}/s")
        return "  ".join(words)

    def _long_text(self) -> str:
        """The latest figures, under the names that loggers have for them."""
        words = []
        if self.history.train:
            words.append(f"train_loss {self.history.train[-1]['loss']:.4f}")
        if self.history.val:
            row = self.history.val[-1]
            words.append(f"val_loss {row['loss']:.4f}  val_exact_match {row['exact_match']:.4f}")
        if self._speed is not None:
            words.append(f"{self._speed:,.0f} problems/s")
        return "  ".join(words)
