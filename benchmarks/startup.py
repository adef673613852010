"""Seconds until a command is at work: help, an answer, the first training steps, a run of a sweep.

    python -m benchmarks.startup [--rounds 3]

Each command runs as a user would run it, in a fresh clone, by turns with what it cannot do without:
starting Python, importing PyTorch, importing Lightning. *50 steps, first run* is a training with
nothing in PyTorch's cache of compiled code, from start to the end of step 50; *1 step* and *50
steps* are one that finds there what was compiled before. *A run of a sweep* is all of `python -m
src.sweep` for one run of 20 steps: starting, DVC and grading are most of it. *Compiled* is one that
finds its steps compiled before. Smallest, median and largest of the rounds.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

import torch
import yaml

from scripts.verify import clone
from src.params import load_params
from src.terminal import cli

from .command import parser, python
from .machine import machine

# Trains as the command does, ends after a step, and says so.
_UNTIL = """
import os, sys
steps = int(sys.argv[1])
# As it is while Python looks for a command's module.
sys.argv = ["-m", "--config", "params.yaml", "--data_dir", "data/sums", "--overwrite"]
from src.monitoring.watch import Watch

def ends(self, trainer, *_):
    if trainer.global_step == steps:
        os._exit(0)

Watch.on_train_batch_end = ends
from src import train
train.main(sys.argv[1:])
"""
# Few steps, and problems enough for a validation.
_SHORT = {
    "data.n_samples": 20_000,
    "training.max_steps": 20,
    "training.warmup_steps": 5,
    "training.val_check_interval": 10.0,
    "runtime.logger": "none",
}


def seconds(folder: Path, temporary: Path, *arguments: str) -> float:
    """Seconds of ``python arguments`` from start to exit.

    Args:
        folder: its working directory.
        temporary: the system's folder for temporary files, where PyTorch keeps compiled code.
    """
    temporary.mkdir(exist_ok=True)
    return python(folder, *arguments, TMPDIR=str(temporary)).wall


def measure(folder: Path, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds of each job and of the least that it needs, in each round, by name."""
    short = [f"{key}={value}" for key, value in _SHORT.items()]
    overrides = [word for pair in short for word in ("-S", pair)]
    # Code is compiled for a number of threads.
    one = ("--jobs", "1", "--cpus-per-run", str(torch.get_num_threads()), "--models", "llama2")
    sweep = ("-m", "src.sweep", *one, *overrides)
    short_run = load_params(overrides={**_SHORT, "runtime.compile": "on"})
    (folder / "short.yaml").write_text(yaml.safe_dump(short_run.model_dump()))
    warm = folder / "compiled"
    seconds(folder, warm, "-m", "src.data_gen", "--config", "params.yaml", "--out_dir", "data/sums")
    # Something to ask, and the code of the training steps compiled.
    seconds(folder, warm, "-m", "src.train", "--config", "short.yaml", "--data_dir", "data/sums")
    seconds(folder, warm, "-c", _UNTIL, "1")
    lightning = ("-c", "import torch, pytorch_lightning")
    jobs: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
        "--help": (("-m", "src.train", "--help"), ("-c", "pass")),
        "predict": (
            ("-m", "src.predict", "--ckpt", "checkpoints/short", "1+2="),
            ("-c", "import torch"),
        ),
        "1 step": (("-c", _UNTIL, "1"), lightning),
        "50 steps": (("-c", _UNTIL, "50"), lightning),
        "50 steps, first run": (("-c", _UNTIL, "50"), lightning),
        "a run of a sweep": (sweep, lightning),
        "a sweep's run, compiled": ((*sweep, "-S", "runtime.compile=on"), lightning),
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
    for turn in range(1, rounds + 1):
        for name, (command, least) in jobs.items():
            temporary = folder / f"compiled-{turn}" if "first" in name else warm
            # A run that has finished is not run again, compiled or not.
            seed = ("--seeds", str(2 * turn + ("compiled" in name))) if "sweep" in name else ()
            ours = seconds(folder, temporary, *command, *seed)
            times[name].append((ours, seconds(folder, temporary, *least)))
    return times


def main(argv: list[str] | None = None) -> None:
    """The command."""
    flags = parser("startup", __doc__)
    flags.add_argument("--rounds", type=int, default=3)
    args = flags.parse_args(argv)
    print(machine())
    print(f"{'seconds':24}{'smallest, median, largest':>30}{'at least':>12}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as name:
        for job, times in measure(clone(Path(name) / "clone"), args.rounds).items():
            ours, least = ([pair[i] for pair in times] for i in range(2))
            three = "".join(f"{x:>10.2f}" for x in (min(ours), median(ours), max(ours)))
            ratio = median(a / b for a, b in times)
            print(f"{job:24}{three}{median(least):>12.2f}{ratio:>8.1f}")


if __name__ == "__main__":
    cli.run(main)
