"""How the cost of a step and of a run grows, each beside the formula of docs/scaling.md.

    python -m benchmarks.growth [--only widths lengths processes problems] [--largest 7]

*Widths* and *lengths*: a training step at the sizes of ``params.yaml`` but for d_model, with d_ff
growing alike, or for the operands' digits; of so few problems that it has some 1,800 tokens. By the
formula it takes ``k * FLOPs / R``. R is here the rate of a product of two 1,024 x 1,024 matrices,
measured beside each, which no narrow model reaches: the last column is the share that it does.
Steps are not compiled, and AdamW's: Muon's rounds are not in the formula.

*Processes*: a step of one process and of two with a thread each. By the formula two take half the
time, as long as gradients travel behind the backward pass and each process has its own device.

*Problems*: the commands as a user would run them, ``python -m src.data_gen`` and ``python -m
src.train``, on sums of numbers up to 99,999, of which there are enough. Seconds of each command
from start to exit, its peak of resident memory, and the size of the problems as text. Generating
and reading grow with the problems; steps do not.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import torch
import yaml

from src.batches import BatchOrder
from src.config import Params
from src.data_gen import generate, write
from src.dataset import ArithmeticDataset, TrainLoader
from src.lightning_module import initial_module
from src.ops import cpu
from src.params import load_params
from src.terminal import cli
from src.terminal.counted import counted
from src.training.optimizer import make_optimizer
from src.utils import training_flops

from .command import parser, run
from .distributed import measure
from .machine import machine

WIDTHS = (128, 256, 512, 1024)
# Digits of an operand: rows of 16 to 512 tokens.
DIGITS = (4, 9, 20, 41, 84, 169)
_TOKENS, _STEPS = 1800, 5


def widths(base: Params) -> Iterator[tuple[str, Params]]:
    """The default model, wider and wider."""
    for C in WIDTHS:
        config = base.model_config_in_use
        times = C / config.d_model
        wider = config.model_copy(update={"d_model": C, "d_ff": round(config.d_ff * times)})
        models = dict(base.models) | {base.model: wider}
        yield f"d_model {C:,}", base.model_copy(update={"models": models})


def lengths(base: Params) -> Iterator[tuple[str, Params]]:
    """Longer and longer operands."""
    for digits in DIGITS:
        data = base.data.model_copy(update={"B": 10**digits - 1, "n_samples": 2000})
        config = base.model_config_in_use.model_copy(update={"max_seq_len": 4 * digits + 16})
        models = dict(base.models) | {base.model: config}
        yield f"{digits} digits", base.model_copy(update={"data": data, "models": models})


def step(params: Params) -> tuple[int, int, float, float]:
    """A training step: tokens of a row, operations, seconds; and a large product's, for 10^9."""
    train = ArithmeticDataset(generate(params.data)["train"])
    T = train.max_len - 1
    batch_size = max(1, _TOKENS // T)
    lit = initial_module(params)
    optimizer = make_optimizer(lit.model, params.training)
    order = BatchOrder(len(train), batch_size, _STEPS + 1, seed=0)
    square = torch.randn(1024, 1024)
    steps, products = [], []
    for batch in TrainLoader(train, order, trim=False):
        start = time.perf_counter()
        loss, aux_loss = lit.losses(batch)
        optimizer.zero_grad()
        (loss if aux_loss is None else loss + aux_loss).backward()
        optimizer.step()
        middle = time.perf_counter()
        square @ square
        steps.append(middle - start)
        products.append((time.perf_counter() - middle) * 1e9 / (2 * 1024**3))
    flops = batch_size * training_flops(lit.model, T, train.max_answer_len)
    # The first step warms up.
    return T, flops, median(steps[1:]), median(products[1:])


def print_steps(rows: Iterator[tuple[str, Params]]) -> None:
    """Measure a step of each row, and print its line."""
    columns = f"{'tokens':>8}{'GFLOP':>9}{'ms':>9}{'by formula':>12}{'share':>8}"
    print(f"\n{'a step':16}{columns}")
    for name, params in rows:
        T, flops, seconds, least = step(params)
        formula = flops / 1e9 * least
        ms = f"{1000 * seconds:>9.1f}{1000 * formula:>12.1f}"
        print(f"{name:16}{T:>8}{flops / 1e9:>9.2f}{ms}{formula / seconds:>8.2f}", flush=True)


def print_processes(base: Params) -> None:
    """Measure a step of one process and of two, and print a line for each."""
    training = {"max_steps": 60, "warmup_steps": 10, "val_check_interval": 10.0, "patience": 60}
    runtime = {"accelerator": "cpu", "logger": "none", "compile": "off"}
    params = base.model_copy(
        update={
            "training": base.training.model_copy(update=training),
            "runtime": base.runtime.model_copy(update=runtime),
        }
    )
    print(f"\n{'a step':16}{'ms':>9}{'by formula':>12}{'share':>8}")
    with tempfile.TemporaryDirectory() as folder:
        write(params.data, Path(folder))
        alone = 0.0
        for processes in (1, 2):
            _, ms = measure(params, Path(folder), processes, 1)
            alone = alone or ms
            formula = alone / processes
            name = counted(processes, "process", "processes")
            print(f"{name:16}{ms:>9.1f}{formula:>12.1f}{formula / ms:>8.2f}", flush=True)


def print_problems(base: Params, smallest: int, largest: int, steps: int) -> None:
    """Run the commands on more and more problems, and print a line for each number."""
    print(f"\n{'':16}{'generate':>18}{'text':>8}{f'train {steps:,} steps':>26}")
    print(f"{'problems':>16}{'s':>10}{'MiB':>8}{'MiB':>8}{'s':>18}{'MiB':>8}")
    config = ("--config", "params.yaml")
    for power in range(smallest, largest + 1):
        n = 10**power
        # Validation and test do not grow: a few thousand problems measure well enough.
        values = {"data.n_samples": n, "data.B": 99_999, "data.val_fraction": 5_000 / n}
        values |= {"data.test_fraction": 10_000 / n, "training.max_steps": steps}
        values |= {"training.warmup_steps": steps // 10, "runtime.compile": "off"}
        values |= {"runtime.accelerator": "cpu", "runtime.logger": "none"}
        content = load_params(overrides=values).model_dump() | {"model": base.model}
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "params.yaml").write_text(yaml.safe_dump(content))
            made = run(folder, "src.data_gen", *config, "--out_dir", "data")
            text = sum(path.stat().st_size for path in (folder / "data").iterdir()) / 2**20
            trained = run(folder, "src.train", *config, "--data_dir", "data")
        generating = f"{made.wall:>10.1f}{made.peak:>8.0f}{text:>8.0f}"
        print(f"{n:>16,}{generating}{trained.wall:>18.1f}{trained.peak:>8.0f}", flush=True)


def main(argv: list[str] | None = None) -> None:
    """The command."""
    tables = ("widths", "lengths", "processes", "problems")
    flags = parser("growth", __doc__)
    flags.add_argument("--only", nargs="+", choices=tables, default=tables, help="tables (all)")
    flags.add_argument("--smallest", type=int, default=5, help="problems, power of ten")
    flags.add_argument("--largest", type=int, default=7, help="power of ten; 8 takes 20 GB")
    flags.add_argument("--steps", type=int, default=1000, help="of a training on many problems")
    flags.add_argument("--model", help="architecture (that of params.yaml)")
    args = flags.parse_args(argv)
    base = load_params(overrides={"data.n_samples": 20_000, "training.optimizer": "adamw"})
    base = base.model_copy(update={"model": args.model or base.model})
    cpu.use_well()
    print(machine())
    if "widths" in args.only:
        print_steps(widths(base))
    if "lengths" in args.only:
        print_steps(lengths(base))
    if "processes" in args.only:
        print_processes(base)
    if "problems" in args.only:
        print_problems(base, args.smallest, args.largest, args.steps)


if __name__ == "__main__":
    cli.run(main)
