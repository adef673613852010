"""How time, memory and disk grow with the data, from 10^5 problems on.

    python -m benchmarks.growth [--smallest 5] [--largest 7] [--steps 1000] [--model llama2]

Each row runs the commands as a user would, ``python -m src.data_gen`` and ``python -m src.train``,
in a temporary folder (TMPDIR chooses the disk), at the sizes of ``params.yaml`` but for the
operands: sums of two numbers up to 99,999, of which there are enough. It gives the seconds of each
command from start to exit and its peak of resident memory, and the size of the problems as text.
Training first reads and checks all problems, in a time that grows with their number; the time of
its steps does not.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import yaml

from src.params import load_params
from src.terminal import cli

from .command import parser, run
from .machine import machine


def main(argv: list[str] | None = None) -> None:
    """The command."""
    flags = parser("growth", __doc__)
    flags.add_argument("--smallest", type=int, default=5, help="power of ten")
    flags.add_argument("--largest", type=int, default=7, help="power of ten; 8 takes 20 GB")
    flags.add_argument("--steps", type=int, default=1000)
    flags.add_argument("--model", help="architecture (that of params.yaml)")
    args = flags.parse_args(argv)
    print(machine())
    print(f"{'':12}{'generate':>18}{'text':>8}{f'train {args.steps:,} steps':>26}")
    print(f"{'problems':>12}{'s':>10}{'MiB':>8}{'MiB':>8}{'s':>18}{'MiB':>8}")
    config = ("--config", "params.yaml")
    for power in range(args.smallest, args.largest + 1):
        n = 10**power
        # Validation and test do not grow: a few thousand problems measure well enough.
        values = {"data.n_samples": n, "data.B": 99_999, "data.val_fraction": 5_000 / n}
        values |= {"data.test_fraction": 10_000 / n, "training.max_steps": args.steps}
        values |= {"training.warmup_steps": args.steps // 10, "runtime.compile": "off"}
        values |= {"runtime.accelerator": "cpu", "runtime.logger": "none"}
        content = load_params(overrides=values).model_dump()
        content["model"] = args.model or content["model"]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "params.yaml").write_text(yaml.safe_dump(content))
            made = run(folder, "src.data_gen", *config, "--out_dir", "data")
            text = sum(path.stat().st_size for path in (folder / "data").iterdir()) / 2**20
            trained = run(folder, "src.train", *config, "--data_dir", "data")
        generating = f"{made.wall:>10.1f}{made.peak:>8.0f}{text:>8.0f}"
        print(f"{n:>12,}{generating}{trained.wall:>18.1f}{trained.peak:>8.0f}")


if __name__ == "__main__":
    cli.run(main)
