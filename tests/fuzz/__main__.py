"""Fuzz the readers of this program, and say what became of the inputs.

python -m tests.fuzz --inputs 1000 [--reader NAME ...] [--seed S] [--keep FOLDER]
python -m tests.fuzz --reader NAME --seed S --only NUMBER    # one input again
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from src.common.errors import UserError
from src.terminal.cli import Parser, run

from . import (
    checkpoints,
    evaluations,
    folders,
    formats,
    others,
    problems,
    questions,
    settings,
    tensor_files,
)
from .run import Plan, Result, fuzz
from .trial import FAILURES, READ, REFUSED

READERS = {
    **questions.READERS,
    **problems.READERS,
    **formats.READERS,
    **settings.READERS,
    **checkpoints.READERS,
    **folders.READERS,
    **tensor_files.READERS,
    **others.READERS,
    **evaluations.READERS,
}
_COLUMNS = ("reader", "inputs", READ, REFUSED, *FAILURES, "a second")
# Kinds of failures of each reader.
_TOLD = 30


def main(argv: list[str] | None = None) -> None:
    """The command; exit code 1 if any input was neither read rightly nor refused in one line."""
    parser = Parser("tests.fuzz", "Give mutated files to every reader of this program.")
    add = parser.add_argument
    add("--inputs", type=int, help="how many for each reader (1000)")
    add("--reader", nargs="+", metavar="NAME", help=f"of {', '.join(READERS)} (all)")
    add("--seed", type=int, help="of the mutations (another each time)")
    add("--only", type=int, metavar="NUMBER", help="this input alone, and its traceback")
    add("--seconds", type=float, help="of the processor; an input that takes more hangs (5)")
    add("--keep", type=Path, metavar="FOLDER", help="gets the inputs that fail")
    given = vars(parser.parse_args(argv))
    if given.get("inputs", 1) < 1:
        raise UserError(f"--inputs {given['inputs']}: must be at least 1")
    inputs, seed = given.get("inputs", 1000), given.get("seed", random.randrange(10**6))
    first, last = (given["only"], given["only"] + 1) if "only" in given else (0, inputs)
    names = given.get("reader", list(READERS))
    for name in names:
        if name not in READERS:
            raise UserError(f"--reader {name}: must be one of {', '.join(READERS)}")
    print(f"seed {seed}\n\n| {' | '.join(_COLUMNS)} |\n|{'---|' * len(_COLUMNS)}", flush=True)
    results = {}
    for name in names:
        began = time.monotonic()
        plan = Plan(
            name, READERS[name], seed, first, last, given.get("seconds", 5.0), given.get("keep")
        )
        results[name] = result = fuzz(plan)
        counts = [result.counts[kind] for kind in (READ, REFUSED, *FAILURES)]
        speed = (last - first) / (time.monotonic() - began)
        cells = [name, *(f"{n:,}" for n in (last - first, *counts, round(speed)))]
        print(f"| {' | '.join(cells)} |", flush=True)
    for name, result in results.items():
        _tell(name, result, traces="only" in given)
    sys.exit(any(result.failed for result in results.values()))


def _tell(name: str, result: Result, traces: bool) -> None:
    """Each kind of failure, with the first input that fails so."""
    most = sorted(result.failures.items(), key=lambda item: -item[1][0])
    for (kind, what), (times, number, trace) in most[:_TOLD]:
        print(f"\n{name}: {kind}, {times:,} times, first --only {number}: {what}")
        if traces:
            print(trace)
    if (rest := len(most) - _TOLD) > 0:
        print(f"\n{name}: and {rest} other kinds")


if __name__ == "__main__":
    run(main)
