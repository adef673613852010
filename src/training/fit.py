"""One training run with Lightning: from a configuration and data to best and last weights."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch import Tensor
from torch.utils.data import DataLoader

from ..batches import BatchOrder, rows_by_kind
from ..checkpoint import read_tensors
from ..common.checkpoint_files import snapshots
from ..common.errors import UserError
from ..config import Params, TrainingConfig
from ..dataset import ArithmeticDataset, TrainLoader, eval_loader
from ..models import TransformerLM
from ..ops.compile import compile_model, compiles_training
from ..ops.hardware import device_for, hardware
from ..terminal.say import say
from ..utils import derive_seed, training_flops
from . import distributed
from .cost import Cost
from .distributed import Process
from .history import DivergedError, History
from .resume import Progress
from .run_dir import clear, latest_progress, step_of
from .sharding import whole_weights
from .snapshots import Snapshots
from .trainer import make_trainer


@dataclass(frozen=True)
class Fit:
    """The result of a finished training.

    Attributes:
        last_weights: state dict of the Lightning module.
        best_weights: that of the validation with the lowest loss.
        best, last: the validation rows of those weights: step, loss, exact_match.
        runners_up: the rows with the next lowest losses, `training.keep_best` together with `best`,
            and the file of each one's state dict; None for the last weights.
        snapshots: files of the weights of `training.snapshots`.
        history: the rows of all validations and of the training's log.
        stopped_early: val_loss had not improved for `patience` validations.
        problems: seen in training, repetitions included.
        flops: of all forward and backward passes, see `utils.training_flops`.
        cost: what the training ran on, and its seconds.
    """

    last_weights: dict[str, Tensor]
    best_weights: dict[str, Tensor]
    best: dict[str, float]
    last: dict[str, float]
    runners_up: Sequence[tuple[dict[str, float], Path | None]]
    snapshots: Sequence[Path]
    history: History
    stopped_early: bool
    problems: int
    flops: int
    cost: Cost

    def metrics(self) -> dict[str, float | bool | str | None]:
        """What train.json holds: of the best weights, then of the last."""
        return {
            "val_loss": self.best["loss"],
            "val_exact_match": self.best["exact_match"],
            "best_step": int(self.best["step"]),
            "steps": int(self.last["step"]),
            "stopped_early": self.stopped_early,
            "last_val_loss": self.last["loss"],
            "last_val_exact_match": self.last["exact_match"],
            "steps_to_90": self._steps_to(0.90),
            "steps_to_99": self._steps_to(0.99),
            "steps_to_99_9": self._steps_to(0.999),
            "problems_seen": self.problems,
            "training_flops": self.flops,
            # What decides the rounding, and so the result.
            "hardware": "; ".join(self.cost.hardware),
            "torch": torch.__version__.partition("+")[0],
        }

    def _steps_to(self, exact_match: float) -> int | None:
        """The step of the first validation at or above a share; None if there was none."""
        # A share of float32: 0.9 is a little less than 0.9.
        rows = (row for row in self.history.val if row["exact_match"] >= exact_match - 1e-6)
        return next((int(row["step"]) for row in rows), None)


def fit(
    params: Params,
    data: Mapping[str, ArithmeticDataset],
    run_dir: Path,
    process: Process,
    lit: pl.LightningModule,
    watchers: Sequence[Callback] = (),
    make_logger: Callable[[Path | None], Logger | bool] = lambda resumed: False,
    story: Mapping[str, Any] | None = None,
) -> Fit:
    """Train until `max_steps` or early stopping, from where an interrupted run stopped.

    Args:
        data: train and val.
        run_dir: gets this run's logs and, while it runs, its checkpoints.
        process: this one of those that train together; all call this, and the result of the first
            counts.
        lit: the module to train, see `lightning_module.initial_module`.
        watchers: callbacks of the first process that show the run and do not change it.
        make_logger: makes Lightning's logger, given the state that the run is resumed from, if any.
        story: the origin of the weights that checkpoints record, see `lineage.Origin`.

    Raises:
        UserError: if training diverges, or wandb is asked for and not installed.
        SystemExit: on SIGTERM.
    """
    config, runtime = params.training, params.runtime
    resumed = _resumed(run_dir) if process.is_first else None
    # FSDP gathers and frees weights in the middle of what would be compiled.
    compiled = runtime.strategy != "fsdp" and compiles_training(params)
    order = _batch_order(data["train"], config)
    train_loader, val_loader = _loaders(params, data, order, process, trim=not compiled)
    torch.manual_seed(derive_seed(config.seed, "dropout", process.rank))

    history = History(config.log_every_n_steps)
    machine = hardware(device_for(runtime.accelerator)).line(config.optimizer, compiled)
    if process.size > 1:
        machine += f", {process.size} processes"
    cost = Cost(machine)
    best = _best_checkpoints(run_dir, config.keep_best)
    early_stopping = EarlyStopping("val_loss", patience=config.patience, check_finite=False)
    progress = Progress(run_dir, runtime.checkpoint_every_n_steps, history, story)
    watchers = watchers if process.is_first else ()
    callbacks = [history, cost, *watchers, best, early_stopping, progress]
    callbacks += [Snapshots(run_dir, params, story), distributed.EndAtOnce()]
    logger = process.is_first and make_logger(resumed)
    trainer = make_trainer(params, run_dir, callbacks, order, process, logger)

    model, device = cast(TransformerLM, lit.model), trainer.strategy.root_device
    if compiled:
        compile_model(model, params, device)
    if process.is_first:
        say(machine)
    with _ends_as_commands_do(history, run_dir):
        distributed.connect(trainer, lit)
        resumed = distributed.from_first(lambda: resumed)
        trainer.fit(lit, train_loader, val_loader, ckpt_path=resumed, weights_only=True)

    stopped_early = early_stopping.wait_count >= config.patience
    if trainer.interrupted or not (stopped_early or trainer.global_step >= config.max_steps):
        raise RuntimeError(f"training was interrupted at step {trainer.global_step}")
    if not history.val or history.val[-1]["step"] != trainer.global_step:
        # max_steps need not be a multiple of the interval: the last weights are graded too.
        trainer.validate(lit, val_loader, verbose=False)
    last_weights = best_weights = whole_weights(lit)
    best_row, last = min(history.val, key=lambda row: row["loss"]), history.val[-1]
    if best_row is not last and process.is_first:
        best_weights = read_tensors(Path(best.best_model_path))["state_dict"]
    problems = trainer.global_step * config.accumulate_grad_batches * config.batch_size
    train = data["train"]
    return Fit(
        last_weights,
        best_weights,
        best_row,
        last,
        _runners_up(best, history, config.keep_best),
        # Elsewhere the folder may be on another host.
        list(snapshots(run_dir).values()) if process.is_first else [],
        history,
        stopped_early,
        problems,
        flops=problems * training_flops(model, train.max_len - 1, train.max_answer_len),
        cost=cost,
    )


def _resumed(run_dir: Path) -> Path | None:
    """The state to go on from; without one, what an earlier run has left is removed."""
    resumed = latest_progress(run_dir)
    if resumed is None:
        # Keeps runs that wandb has not uploaded yet.
        clear(run_dir, keep=("lock", "wandb"))
    else:
        say(f"resuming after step {step_of(resumed):,} from {resumed}")
    return resumed


def _batch_order(train: ArithmeticDataset, config: TrainingConfig) -> BatchOrder:
    """The rows of each batch of the whole run."""
    n_batches = config.max_steps * config.accumulate_grad_batches
    seed, share = derive_seed(config.seed, "batch order"), config.length_balance
    kinds = rows_by_kind(train.tokens.numpy()) if share else []
    return BatchOrder(len(train), config.batch_size, n_batches, seed, share, kinds)


def _loaders(
    params: Params,
    data: Mapping[str, ArithmeticDataset],
    order: BatchOrder,
    process: Process,
    trim: bool,
) -> tuple[TrainLoader, DataLoader[Tensor]]:
    """The batches of training and of validation, of which this process has its share."""
    config, part = params.training, {"rank": process.rank, "size": process.size}
    train_loader = TrainLoader(
        data["train"],
        order,
        params.runtime.num_workers,
        trim=trim,
        accumulate=config.accumulate_grad_batches,
        **part,
    )
    # Validation has no backward pass to keep in memory: larger batches, fewer of them.
    return train_loader, eval_loader(data["val"], 8 * config.batch_size, **part)


def _best_checkpoints(run_dir: Path, keep_best: int) -> ModelCheckpoint:
    """Keeps the weights of the validations with the lowest losses."""
    return ModelCheckpoint(
        run_dir / "checkpoints",
        "{step}",
        monitor="val_loss",
        save_top_k=keep_best,
        save_on_train_epoch_end=False,
        # Steps after the state that was resumed are repeated, and overwrite their checkpoints.
        enable_version_counter=False,
    )


@contextmanager
def _ends_as_commands_do(history: History, run_dir: Path) -> Iterator[None]:
    """What ends a training early, in the words and with the exit code of a command."""
    try:
        yield
    except SIGTERMException:
        # Lightning would end the process with exit code 0, as if all were well.
        raise SystemExit(128 + signal.SIGTERM) from None
    except DivergedError as error:
        good = latest_progress(run_dir) or "none"
        raise UserError(
            f"training diverged: {error} with learning rate {history.learning_rate:.3g}; "
            f"last good checkpoint: {good}"
        ) from None


def _runners_up(
    best: ModelCheckpoint, history: History, keep_best: int
) -> list[tuple[dict[str, float], Path | None]]:
    """See `Fit.runners_up`."""
    rows = {int(row["step"]): row for row in history.val}
    last, lowest = max(rows), min(rows, key=lambda step: rows[step]["loss"])
    kept: dict[int, Path | None] = {
        int(path.stem.removeprefix("step=")): path for path in map(Path, best.best_k_models)
    }
    # Lightning has kept the last weights too, unless they were graded after the end of training.
    kept[last] = None
    kept.pop(lowest, None)
    steps = sorted(kept, key=lambda step: rows[step]["loss"])[: keep_best - 1]
    return [(rows[step], kept[step]) for step in steps]
