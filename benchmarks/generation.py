"""How fast problems are generated, and in how much memory.

    python -m benchmarks.generation [--huge]

Each row comes from processes of its own, which run `python -m src.data_gen` as a user would and
write to a temporary folder (TMPDIR chooses the disk). It gives the seconds from start to exit, the
processor's seconds and the peak of resident memory; below 10^7 problems these are medians of three
runs. Some 0.2 seconds are Python and its imports, whatever the number of problems. What else the
machine does changes the seconds, and hardly those of the processor.
"""

from __future__ import annotations

import statistics
import tempfile

from src.terminal import cli

from .command import Cost, parser, run
from .machine import machine

CASES = {
    "70,000 sums": (70_000, "--ops +"),
    "N=2 sums, B=999": (500_000, "--ops +"),
    "N=2 mixed with division": (1_000_000, "--ops + - * /"),
    "N=3 mixed with division": (1_000_000, "--ops + - * / --N 3"),
    "N=3 products, quotients": (100_000, "--ops * / --N 3 --B 999999"),
    **{f"N=2 sums, 10^{k}": (10**k, "--ops + --B 99999") for k in (5, 6, 7, 8)},
}


def generate(*arguments: str) -> Cost:
    """Run `src.data_gen` in a temporary folder, to which it writes."""
    with tempfile.TemporaryDirectory() as here:
        return run(here, "src.data_gen", *arguments)


def main(argv: list[str] | None = None) -> None:
    """The command."""
    flags = parser("generation", __doc__)
    flags.add_argument("--huge", action="store_true", help="10^8 sums as well: 9 GB, a minute")
    huge = flags.parse_args(argv).huge
    print(machine())
    print(f"--help: {statistics.median(generate('--help').wall for _ in range(3)):.2f} s")
    print(f"{'':26}{'problems':>12}{'seconds':>9}{'a second':>12}{'processor':>11}{'MiB':>6}")
    for name, (n, words) in CASES.items():
        if n == 10**8 and not huge:
            continue
        arguments = [*words.split(), "--n_samples", str(n), "--out_dir", "data"]
        runs = [generate(*arguments) for _ in range(3 if n < 10**7 else 1)]
        wall, processor, peak = map(statistics.median, zip(*runs, strict=True))
        print(f"{name:26}{n:>12,}{wall:>9.2f}{n / wall:>12,.0f}{processor:>11.2f}{peak:>6.0f}")


if __name__ == "__main__":
    cli.run(main)
