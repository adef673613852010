"""Seconds of `dvc repro` in a fresh clone, beside those of its training's matrix products alone.

    python -m benchmarks.repro

The committed pipeline runs in a fresh clone, with nothing in DVC's cache and nothing compiled
before. The matrix products are those of all training steps, on random numbers. A processor with
AVX-512 is measured as one without it, which also has no bfloat16 products, by:

    export ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2
    python -m benchmarks.repro
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

import torch

from scripts.verify import clone
from src.batches import BatchOrder
from src.config import Params
from src.data_gen import generate
from src.dataset import ArithmeticDataset, TrainLoader
from src.lightning_module import LitLM
from src.ops import cpu
from src.params import load_params
from src.terminal import cli
from src.terminal.counted import counted

from .command import parser
from .machine import machine
from .products import products_of_a_step

_STEPS = 50


def products(params: Params) -> float:
    """Seconds of the matrix products of a whole training, forward and backward."""
    cpu.use_well()
    few = params.data.model_copy(update={"n_samples": 2000})
    dataset = ArithmeticDataset(generate(few)["train"])
    order = BatchOrder(len(dataset), params.training.batch_size, 1, seed=0)
    lit = LitLM(params.model_config_in_use.to_plain(), params.training.to_plain())
    alone = products_of_a_step(lit, next(iter(TrainLoader(dataset, order, trim=False))))
    times = []
    for _ in range(_STEPS):
        start = time.perf_counter()
        alone()
        times.append(time.perf_counter() - start)
    return median(times) * params.training.max_steps


def repro() -> float:
    """Seconds of `dvc repro` in a fresh clone.

    Raises:
        SystemExit: with its exit code, if it fails.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = clone(Path(name) / "clone")
        cache = {"TORCHINDUCTOR_CACHE_DIR": str(Path(name) / "compiled")}
        start = time.perf_counter()
        done = subprocess.run(["dvc", "repro"], cwd=folder, env=os.environ | cache)
        if done.returncode:
            raise SystemExit(done.returncode)
        return time.perf_counter() - start


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser("repro", __doc__).parse_args(argv)
    # Before and after, as the load of the machine may change.
    before, whole, after = products(load_params()), repro(), products(load_params())
    alone = (before + after) / 2
    print(machine())
    threads = counted(torch.get_num_threads(), "thread")
    print(f"{threads}: dvc repro {whole:.0f} s, products {alone:.0f} s")
    print(f"dvc repro / products: {whole / alone:.2f}")


if __name__ == "__main__":
    cli.run(main)
