"""How fast a training step is: ours, as others write it, and the matrix products alone.

    python -m benchmarks.training [--models llama2] [--rounds 10] [--threads 2] [--accelerator gpu]

All take turns of some steps each in one process, at the sizes of ``params.yaml``. *Ours* is the
real run: Lightning, batching, clipping, learning rate, metrics, TensorBoard, states to resume from,
and compiled where that is possible. The others are bare loops, not compiled and without the
settings of `src.ops.cpu`, which compute every position: *plain* over our model, *hf* over Hugging
Face's, *x-tf* over one of x-transformers of the same shape, which has no mixture of experts.
*Products* are the matrix products of a step of ours, forward and backward, on random numbers, and
nothing else. Ratios are the smallest, median and largest of all rounds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from src.batches import BatchOrder
from src.config import Params
from src.data.formats import format_of
from src.data_gen import generate
from src.dataset import ArithmeticDataset, TrainLoader, eval_loader
from src.lightning_module import LitLM
from src.monitoring.loggers import make_logger
from src.monitoring.watch import Watch
from src.ops import cpu
from src.ops.compile import compile_model, compiles_training
from src.ops.hardware import device_for
from src.params import load_params
from src.terminal import cli
from src.training.history import History
from src.training.optimizer import OPTIMIZERS
from src.training.resume import Progress
from src.training.trainer import make_trainer

from .command import parser
from .machine import machine
from .peers import huggingface_job, plain_job, x_transformers_job
from .products import Job, products_of_a_step

PEERS = {"plain": plain_job, "hf": huggingface_job, "x-tf": x_transformers_job}


class Turns(pl.Callback):
    """Interrupts a training every some steps to run other jobs, and keeps the times of all.

    Args:
        jobs: each takes one step, by name.
        steps: steps of a turn.
        rounds: rounds that are counted, after a first one that is not.

    Attributes:
        seconds: of a step in each round, by name; `ours` is the training itself.
    """

    def __init__(self, jobs: Mapping[str, Job], steps: int, rounds: int) -> None:
        self.jobs, self.steps, self.rounds = jobs, steps, rounds
        self.seconds: dict[str, list[float]] = {name: [] for name in ("ours", *jobs)}
        self._started = 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        """At the end of a turn of the training, run the other jobs and note all times."""
        if trainer.global_step % self.steps:
            return
        times = {"ours": clock() - self._started}
        for name, job in self.jobs.items():
            start = clock()
            for _step in range(self.steps):
                job()
            times[name] = clock() - start
        # The first round compiles and warms up.
        if trainer.global_step > self.steps:
            for name, seconds in times.items():
                self.seconds[name].append(seconds / self.steps)
        self._started = clock()


def clock() -> float:
    """The time in seconds, after all work that was queued on the device."""
    if torch.accelerator.is_available():
        torch.accelerator.synchronize()
    return time.perf_counter()


def measure(
    params: Params, train: ArithmeticDataset, run_dir: Path, args: Any
) -> dict[str, list[float]]:
    """Seconds of a step in each round, by name, for the architecture in use."""
    cpu.use_well(params.runtime.accelerator)
    device = device_for(params.runtime.accelerator)

    def loader() -> TrainLoader:
        order = BatchOrder(
            len(train), params.training.batch_size, params.training.max_steps, seed=0
        )
        return TrainLoader(train, order, trim=False)

    def batches() -> Iterator[dict[str, Tensor]]:
        return ({name: x.to(device) for name, x in batch.items()} for batch in loader())

    torch.manual_seed(0)
    lit = LitLM(params.model_config_in_use.to_plain(), params.training.to_plain())
    lit.to(device)
    products = products_of_a_step(lit, next(batches()))
    jobs = {name: make(params, batches()) for name, make in PEERS.items()} | {"products": products}
    turns = Turns({name: job for name, job in jobs.items() if job}, args.steps, args.rounds)
    history = History(params.training.log_every_n_steps)
    progress = Progress(run_dir, params.runtime.checkpoint_every_n_steps, history)
    ours = loader()
    steps = args.steps * (args.rounds + 1)
    # No validation: a real run has one in hundreds of steps, which only some rounds would contain.
    rules = {"max_steps": steps, "val_check_interval": float(steps + 1)}
    short = params.training.model_copy(update=rules)
    here = params.model_copy(update={"training": short})
    callbacks = [history, Watch(here, train, format_of(params.data)), progress, turns]
    logger = make_logger(here, run_dir, None)
    trainer = make_trainer(here, run_dir, callbacks, ours.order, logger=logger)
    if compiles_training(here):
        compile_model(lit.model, here, device)
    trainer.fit(lit, ours, eval_loader(train, 8 * params.training.batch_size))
    return turns.seconds


def main(argv: list[str] | None = None) -> None:
    """The command."""
    flags = parser("training", __doc__)
    flags.add_argument("--models", nargs="+", help="architectures (all)")
    flags.add_argument("--rounds", type=int, default=10)
    flags.add_argument("--steps", type=int, default=20, help="steps of each in a round")
    flags.add_argument("--threads", type=int, default=torch.get_num_threads())
    flags.add_argument(
        "--optimizer", choices=OPTIMIZERS, default="muon", help="of ours; the others have adamw"
    )
    flags.add_argument("--accelerator", default="cpu", help="runtime.accelerator (cpu)")
    flags.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    args = flags.parse_args(argv)
    torch.set_num_threads(args.threads)
    overrides = {
        "data.n_samples": 20_000,
        "training.optimizer": args.optimizer,
        "runtime.accelerator": args.accelerator,
        "runtime.compile": "on" if args.compile else "off",
        "runtime.progress": False,
    }
    params = load_params(overrides=overrides)
    train = ArithmeticDataset(generate(params.data)["train"])
    columns = ("ours", *PEERS, "products")
    others = columns[1:]
    times = "".join(f"{name:>9}" for name in columns)
    ratios = "".join(f"{'ours / ' + name:>18}" for name in others)
    print(machine(args.accelerator))
    print(f"{'ms a step, median':18}{times}{ratios}")
    for name in args.models or params.models:
        here = params.model_copy(update={"model": name})
        with tempfile.TemporaryDirectory() as folder:
            seconds = measure(here, train, Path(folder), args)
        line = "".join(f"{_ms(seconds.get(column)):>9}" for column in columns)
        line += "".join(f"{_ratio(seconds['ours'], seconds.get(other)):>18}" for other in others)
        print(f"{name:18}{line}", flush=True)


def _ms(seconds: list[float] | None) -> str:
    return f"{1000 * median(seconds):.1f}" if seconds else "-"


def _ratio(ours: list[float], other: list[float] | None) -> str:
    """Smallest, median and largest ratio of the rounds."""
    if not other:
        return "- - -"
    ratio = [a / b for a, b in zip(ours, other, strict=True)]
    return f"{min(ratio):.2f} {median(ratio):.2f} {max(ratio):.2f}"


if __name__ == "__main__":
    cli.run(main)
