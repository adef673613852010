"""Loss curves and step times of one process and of several, side by side.

    python -m benchmarks.distributed [--models llama2] [--steps 200] [--processes 2]

Each curve is that of the real command, ``python -m src.train``, at the sizes of ``params.yaml``, on
CPUs, with a row for each step. A single process runs twice: with one thread, as each of several
processes has, and with as many threads as there are processes. These two curves differ by rounding
alone, and show how far that goes. On one machine this measures what communication costs; the gain
shows only where each process has a device of its own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import pandas as pd
import yaml

from src.config import Params
from src.data_gen import write
from src.params import load_params
from src.terminal import cli
from src.terminal.counted import counted

from .command import ROOT, parser
from .machine import machine


def measure(params: Params, data: Path, processes: int, threads: int) -> tuple[pd.Series, float]:
    """Loss by step, and the median milliseconds of a step."""
    runtime = params.runtime.model_copy(update={"devices": processes})
    content = params.model_copy(update={"runtime": runtime}).model_dump()
    command = [sys.executable, "-m", "src.train", "--config", "params.yaml", "--data_dir"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(threads)}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "params.yaml").write_text(yaml.safe_dump(content))
        run = subprocess.run(
            [*command, str(data)], cwd=folder, env=environment, capture_output=True, text=True
        )
        if run.returncode:
            sys.exit(run.stderr)
        curve = pd.read_csv(Path(folder, "checkpoints", "params", "train.csv"), index_col="step")[
            "loss"
        ]
    # From the line that each validation prints: problems per second of the steps before it.
    speeds = [float(speed.replace(",", "")) for speed in re.findall(r"([\d,]+) prob", run.stdout)]
    return curve, 1000 * params.training.batch_size / median(speeds)


def main(argv: list[str] | None = None) -> None:
    """The command."""
    flags = parser("distributed", __doc__)
    flags.add_argument("--models", nargs="+", help="architectures (all)")
    flags.add_argument("--steps", type=int, default=200)
    flags.add_argument("--processes", type=int, default=2)
    args = flags.parse_args(argv)
    training = {"max_steps": args.steps, "warmup_steps": args.steps // 4}
    training |= {"log_every_n_steps": 1, "val_check_interval": 10.0, "patience": args.steps}
    overrides = {f"training.{key}": value for key, value in training.items()}
    overrides |= {"runtime.accelerator": "cpu", "runtime.logger": "none", "data.n_samples": 20_000}
    params = load_params(overrides=overrides)
    print(machine())
    several = counted(args.processes, "process", "processes")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        write(params.data, data)
        for name in args.models or params.models:
            here = params.model_copy(update={"model": name})
            one, alone = measure(here, data, 1, 1)
            rounded, threaded = measure(here, data, 1, args.processes)
            other, shared = measure(here, data, args.processes, 1)
            table = pd.DataFrame(
                {
                    "1 process": one,
                    several: other,
                    "difference": (other / one - 1).abs(),
                    "by threads": (rounded / one - 1).abs(),
                }
            )
            print(f"{name}: loss{''.join(f'{title:>14}' for title in table)}")
            for step in sorted({1, 2, *range(args.steps // 10, args.steps + 1, args.steps // 10)}):
                a, b, processes, threads = table.loc[step]
                print(f"step {step:>6,}  {a:>14.6f}{b:>14.6f}{processes:>14.1e}{threads:>14.1e}")
            largest = table.iloc[:, 2:].max()
            print(
                f"  largest of all {len(one)} steps: {largest.iloc[0]:.1e}, {largest.iloc[1]:.1e}"
            )
            print(
                f"  ms a step: {alone:.1f} with 1 process and thread, {threaded:.1f} with 1 process"
                f" and {counted(args.processes, 'thread')}, {shared:.1f} with {several}",
                flush=True,
            )


if __name__ == "__main__":
    cli.run(main)
