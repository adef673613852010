"""How fast a training step is: ours, a plain loop, Hugging Face's, and the matrix products alone.

    python -m benchmarks.training [--models llama2] [--rounds 10] [--threads 2] [--accelerator gpu]

All by turns in one process, some steps each, at the sizes of ``params.yaml``. *Ours* is the real
run: Lightning, batching, clipping, learning rate, metrics, TensorBoard, states to resume from, and
compiled where that is possible. *Plain* is a bare loop over our parts, not compiled, that computes
every position, as a straightforward implementation does. *Theirs* is a bare loop over Hugging
Face's model. *Products* are the matrix products of a step of ours, forward and backward, on random
numbers and nothing else.
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
import transformers
from torch import Tensor, nn
from torch.nn import functional as F

from src import cpu
from src.batches import BatchOrder
from src.config import Params
from src.data_gen import generate
from src.dataset import ArithmeticDataset, TrainLoader, eval_loader
from src.history import History
from src.lightning_module import LitLM
from src.models import build_model
from src.optimizer import OPTIMIZERS
from src.params import load_params
from src.progress import Progress
from src.trainer import make_trainer
from src.watching import Watch
from tests.huggingface import peer

from .products import Job, products_of

_IGNORED = -100


class Turns(pl.Callback):
    """Lets others have their turn after every some steps of a training, and keeps the times.

    Args:
        jobs: a step each.
        steps: of one turn.
        rounds: that count; one goes before them.

    Attributes:
        seconds: of a step, by name and round; `ours` is the training's own.
    """

    def __init__(self, jobs: Mapping[str, Job], steps: int, rounds: int) -> None:
        self.jobs, self.steps, self.rounds = jobs, steps, rounds
        self.seconds: dict[str, list[float]] = {name: [] for name in ("ours", *jobs)}
        self._started = 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        """Stop our clock, run the others, start it again."""
        if trainer.global_step % self.steps:
            return
        times = {"ours": clock() - self._started}
        for name, job in self.jobs.items():
            start = clock()
            for _step in range(self.steps):
                job()
            times[name] = clock() - start
        # The first turn compiles, and warms up everybody.
        if trainer.global_step > self.steps:
            for name, seconds in times.items():
                self.seconds[name].append(seconds / self.steps)
        self._started = clock()


def clock() -> float:
    """Seconds, once the device has done all that it was asked to."""
    if torch.accelerator.is_available():
        torch.accelerator.synchronize()
    return time.perf_counter()


def loop(model: nn.Module, loss: Any, batches: Iterator[dict[str, Tensor]], params: Params) -> Job:
    """One optimizer step of a bare loop: forward, backward, clip, AdamW."""
    config = params.training
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, fused=True)

    @cpu.as_by_default()
    def step() -> None:
        value = loss(next(batches))
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip)
        optimizer.step()

    return step


def plain_job(params: Params, batches: Iterator[dict[str, Tensor]]) -> Job:
    """Our parts, every position, in a bare loop."""
    config = params.model_config_in_use
    model = build_model(config).to(device_of(params))

    def loss(batch: dict[str, Tensor]) -> Tensor:
        input_ids, mask = batch["input_ids"], batch["loss_mask"]
        logits = model(input_ids[:, :-1])
        targets = input_ids.masked_fill(mask == 0, _IGNORED)[:, 1:]
        value = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        tokens = batch["attention_mask"][:, 1:].bool()
        aux = [routing.load_balancing_loss(tokens) for routing in model.routings()]
        return value + config.aux_loss_coef * torch.stack(aux).mean() if aux else value

    return loop(model, loss, batches, params)


def their_job(params: Params, batches: Iterator[dict[str, Tensor]]) -> Job:
    """Hugging Face's model in a bare loop."""
    config = params.model_config_in_use
    model = peer(build_model(config), config).train().to(device_of(params))

    def loss(batch: dict[str, Tensor]) -> Tensor:
        # Without an attention mask: on the right, padding is hidden already.
        labels = batch["input_ids"].masked_fill(batch["loss_mask"] == 0, _IGNORED)
        return model(input_ids=batch["input_ids"], labels=labels, use_cache=False).loss

    return loop(model, loss, batches, params)


def device_of(params: Params) -> torch.device:
    """Where the others compute: where Lightning has ours do it."""
    if params.runtime.accelerator == "cpu":
        return torch.device("cpu")
    return torch.accelerator.current_accelerator() or torch.device("cpu")


def measure(
    params: Params, train: ArithmeticDataset, run_dir: Path, args: Any
) -> dict[str, list[float]]:
    """Seconds of a step, by name and round, for the architecture in use."""
    device = device_of(params)

    def loader() -> TrainLoader:
        order = BatchOrder(
            len(train), params.training.batch_size, params.training.max_steps, seed=0
        )
        return TrainLoader(train, order, trim=False)

    def batches() -> Iterator[dict[str, Tensor]]:
        return ({name: x.to(device) for name, x in batch.items()} for batch in loader())

    torch.manual_seed(0)
    lit = LitLM(params.model_config_in_use.model_dump(), params.training.model_dump())
    lit.to(device)
    batch = next(batches())

    def whole_step() -> None:
        loss, aux_loss = lit.losses(batch)
        (loss if aux_loss is None else loss + aux_loss).backward()

    products = products_of(whole_step)
    lit.zero_grad()
    if args.compile:
        lit.model.compile(dynamic=False)
    jobs = {
        "plain": plain_job(params, batches()),
        "theirs": their_job(params, batches()),
        "products": products,
    }
    turns = Turns(jobs, args.steps, args.rounds)
    history = History(params.training.log_every_n_steps)
    progress = Progress(run_dir, params.runtime.checkpoint_every_n_steps, history)
    ours = loader()
    steps = args.steps * (args.rounds + 1)
    # A real run validates once in hundreds of steps; here it would fall into some rounds only.
    rules = {"max_steps": steps, "val_check_interval": float(steps + 1)}
    short = params.training.model_copy(update=rules)
    here = params.model_copy(update={"training": short})
    watch = Watch(history, here, train)
    trainer = make_trainer(here, run_dir, [history, watch, progress, turns], ours.order)
    trainer.fit(lit, ours, eval_loader(train, 8 * params.training.batch_size))
    return turns.seconds


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.training", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--models", nargs="+", help="architectures (all)")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=20, help="of each in one round")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--optimizer", choices=OPTIMIZERS, default="muon", help="of ours; the others have adamw"
    )
    parser.add_argument("--accelerator", default="cpu", help="runtime.accelerator (cpu)")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    transformers.logging.set_verbosity_error()
    quiet = {"runtime.accelerator": args.accelerator, "runtime.progress": False}
    chosen = {"data.n_samples": 20_000, "training.optimizer": args.optimizer}
    params = load_params(overrides={**chosen, **quiet})
    train = ArithmeticDataset(generate(params.data)["train"])
    header = "".join(f"{name:>10}" for name in ("ours", "plain", "theirs", "products"))
    ratios = "".join(f"{'ours / ' + name:>22}" for name in ("plain", "theirs", "products"))
    print(f"{'ms a step, median':18}{header}{ratios}")
    for name in args.models or params.models:
        here = params.model_copy(update={"model": name})
        with tempfile.TemporaryDirectory() as folder:
            seconds = measure(here, train, Path(folder), args)
        line = "".join(f"{1000 * median(times):>10.2f}" for times in seconds.values())
        for other in ("plain", "theirs", "products"):
            pairs = zip(seconds["ours"], seconds[other], strict=True)
            ratio = [a / b for a, b in pairs]
            line += f"{min(ratio):>9.2f} {median(ratio):5.2f} {max(ratio):5.2f} "
        print(f"{name:18}{line}", flush=True)


if __name__ == "__main__":
    main()
