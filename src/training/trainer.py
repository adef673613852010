"""Lightning's trainer as the configuration asks for it."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger

from ..batches import BatchOrder
from ..config import Params
from . import distributed
from .distributed import Process, this_process
from .resume import CheckpointFiles


def make_trainer(
    params: Params,
    run_dir: Path,
    callbacks: list[Callback],
    order: BatchOrder,
    process: Process | None = None,
    logger: Logger | bool = False,
) -> pl.Trainer:
    """Lightning's trainer as `training:` and `runtime:` ask for it.

    Args:
        process: this one of those that train together; None: find out.
        logger: where the callbacks log; False: none.
    """
    config, runtime = params.training, params.runtime
    process = process or this_process(runtime)
    interval = config.val_check_interval
    if interval <= 1:
        interval = max(1, round(interval * order.per_epoch))
    # Lightning advertises, and names each device that it did not find.
    for name in ("pytorch_lightning", "lightning_fabric.utilities.distributed"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Batches are slices of one tensor: a worker process costs more than it prepares.
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    # It is the folder of the run that is resumed.
    warnings.filterwarnings("ignore", "Checkpoint directory .* exists and is not empty")
    # Lightning's own use of torch, not ours to mend.
    warnings.filterwarnings("ignore", ".*LeafSpec.* is deprecated")
    # `deterministic` would also fill all new memory with NaN, against reads of what was never
    # written. Nothing here does that, and it would take a twentieth of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    return pl.Trainer(
        accelerator=runtime.accelerator,
        devices=runtime.devices,
        num_nodes=runtime.num_nodes,
        strategy=distributed.strategy(runtime),
        precision=config.precision,
        max_steps=config.max_steps,
        max_epochs=1,
        gradient_clip_val=config.grad_clip or None,
        accumulate_grad_batches=config.accumulate_grad_batches,
        # Counted in batches of the whole run, so that validations are evenly spaced.
        val_check_interval=int(interval),
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        deterministic=True,
        callbacks=callbacks,
        plugins=[CheckpointFiles(), process.environment],
        logger=logger,
        # The loaders share each batch out themselves; Lightning's sampler would repeat problems.
        use_distributed_sampler=False,
        log_every_n_steps=config.log_every_n_steps,
        default_root_dir=run_dir,
        # `Watch` has one, which costs less.
        enable_progress_bar=False,
        enable_model_summary=False,
    )
