"""Training with several processes: the rank of this one, and communication between them.

Lightning or a launcher starts them, PyTorch connects them (gloo on CPUs, NCCL on GPUs). In a single
process, each function here returns what it was given.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.environments import (
    ClusterEnvironment,
    LightningEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)
from pytorch_lightning.strategies import DDPStrategy, ModelParallelStrategy, Strategy
from torch import Tensor

from ..common.errors import UserError
from ..config import RuntimeConfig

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Process:
    """One of the processes of a training.

    Attributes:
        rank: its number, from 0.
        size: how many there are, on all hosts together.
        environment: how they were started, as Lightning wants to know it.
    """

    rank: int
    size: int
    environment: ClusterEnvironment

    @property
    def is_first(self) -> bool:
        """Whether this is the process that decides and writes."""
        return self.rank == 0


def this_process(runtime: RuntimeConfig) -> Process:
    """The rank of this process, from the variables that torchrun, SLURM's srun or Lightning set.

    Raises:
        UserError: if a launcher started another number of processes than the parameters say.
    """
    size = runtime.processes
    environment: ClusterEnvironment = LightningEnvironment()
    try:
        if TorchElasticEnvironment.detect():
            environment = TorchElasticEnvironment()
        elif size > 1 and SLURMEnvironment.detect():
            # Resuming is our own affair: Lightning's would save another kind of state.
            environment = SLURMEnvironment(auto_requeue=False)
        if not isinstance(environment, LightningEnvironment):
            if environment.world_size() != size:
                raise UserError(
                    f"{environment.world_size()} processes were started, but runtime.devices x "
                    f"runtime.num_nodes = {runtime.devices} x {runtime.num_nodes}"
                )
            environment.validate_settings(runtime.devices, runtime.num_nodes)
            return Process(environment.global_rank(), size, environment)
    except (RuntimeError, ValueError) as error:
        raise UserError(str(error)) from None
    rank = environment.node_rank() * runtime.devices + environment.local_rank() if size > 1 else 0
    if rank >= size:
        raise UserError(f"NODE_RANK is {environment.node_rank()} of {runtime.num_nodes} nodes")
    if size > 1 and environment.local_rank() > 0:
        _end_with(os.getppid())
    return Process(rank, size, environment)


def _end_with(parent: int) -> None:
    """End this process when its parent has gone, even while it waits for others."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    # Ctrl-C reaches both; where this one ended first, Lightning would take it for lost.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=watch, daemon=True).start()


def strategy(runtime: RuntimeConfig) -> Strategy | str:
    """Lightning's strategy for `runtime.strategy`."""
    timeout = timedelta(seconds=runtime.timeout_seconds)
    if runtime.strategy == "fsdp":
        # Lightning's name for PyTorch's second FSDP. A checkpoint is one file like any other.
        return ModelParallelStrategy(
            data_parallel_size=runtime.processes,
            tensor_parallel_size=1,
            save_distributed_checkpoint=False,
            timeout=timeout,
        )
    if runtime.strategy == "ddp" or runtime.processes > 1:
        # The models' buffers are constants, or move by what is summed over all processes.
        return DDPStrategy(timeout=timeout, forward_sync_buffers=False)
    return "auto"


def connect(trainer: pl.Trainer, module: pl.LightningModule) -> None:
    """Start the other processes, unless a launcher has, and connect to them.

    Lightning would do so in `fit`; but before it, all must agree on the state to resume from.
    """
    if trainer.world_size > 1:
        trainer.strategy.connect(module)
        launcher = trainer.strategy.launcher
        start = trainer.strategy.setup_environment
        start() if launcher is None else launcher.launch(start)


class EndAtOnce(pl.Callback):
    """Has SIGTERM end one of several processes at once; states that were saved stay valid.

    Lightning has the processes agree to stop, by messages from within the signal handler. These mix
    with the messages of the step that was interrupted, and the processes may deadlock.
    """

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Replace Lightning's signal handler; Lightning restores the old one at the end."""
        if trainer.world_size > 1:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def from_first(make: Callable[[], _Value]) -> _Value:
    """Return in all processes what the first one makes."""
    if not torch.distributed.is_initialized():
        return make()
    made = [make() if torch.distributed.get_rank() == 0 else None]
    torch.distributed.broadcast_object_list(made)
    return made[0]  # type: ignore[return-value]


def from_all(value: _Value) -> list[_Value]:
    """The values of all processes, by rank."""
    if not torch.distributed.is_initialized():
        return [value]
    values: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(values, value)
    return values


def processes() -> int:
    """Number of connected processes."""
    return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1


def summed(values: Tensor) -> Tensor:
    """The sum over all processes; no gradient flows through it."""
    values = values.detach().clone()
    if torch.distributed.is_initialized():
        torch.distributed.all_reduce(values)
    return values


def means(sums: Mapping[str, tuple[float, int]]) -> dict[str, float]:
    """The mean of each name, from its sum and count in every process.

    A process may have counted fewer than the others, or none.
    """
    totals: dict[str, tuple[float, int]] = {}
    for part in from_all(sums):
        for name, (value, count) in part.items():
            before = totals.get(name, (0.0, 0))
            totals[name] = before[0] + value, before[1] + count
    return {name: value / count for name, (value, count) in totals.items()}


@contextmanager
def together(process: Process) -> Iterator[None]:
    """Context for what all processes do together: when one is lost, the others end and say so.

    Raises:
        UserError: the one raised within, in the first process only; and for a lost process.
    """
    try:
        yield
    except UserError:
        if process.is_first:
            raise
        sys.exit(2)  # The first one says the same.
    except RuntimeError as error:
        if process.size == 1 or not _is_loss(error):
            raise
        raise UserError(
            f"process {process.rank} of {process.size} has lost another one, whose own message "
            f"says why it ended; the same command goes on from the last state"
        ) from error


def _is_loss(error: RuntimeError) -> bool:
    # gloo has no class of its own for it.
    words = ("gloo", "Connection closed", "Connection reset", "Broken pipe", "pair closure")
    return isinstance(error, torch.distributed.DistError) or any(w in str(error) for w in words)
