"""What benchmarks have in common: their flags, and commands run and measured as users run them."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from src.common.files import ROOT
from src.terminal.cli import Parser


def parser(name: str, doc: str | None) -> Parser:
    """An argument parser for a benchmark.

    Args:
        name: of the module.
        doc: the module's docstring, which --help prints.
    """
    summary, _, details = str(doc).partition("\n")
    made = Parser(f"benchmarks.{name}", summary)
    made.epilog, made.formatter_class = details, argparse.RawDescriptionHelpFormatter
    made.argument_default = None
    return made


# Runs a command and prints what it cost. It is a process of its own, as Linux counts the memory of
# the one that starts another as that one's peak too, and a benchmark may hold gigabytes.
_MEASURED = """
import json, os, subprocess, sys, time
started = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
wall = time.perf_counter() - started
print(json.dumps([wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss]))
sys.exit(os.waitstatus_to_exitcode(status))
"""


class Cost(NamedTuple):
    """Wall-clock and processor seconds from start to exit, and peak resident memory in MiB."""

    wall: float
    processor: float
    peak: float


def run(folder: Path | str, *command: str) -> Cost:
    """Run ``python -m command`` in a process of its own, and measure it, see `python`."""
    return python(folder, "-m", *command)


def python(folder: Path | str, *arguments: str, **variables: str) -> Cost:
    """Run Python in a process of its own, and measure it.

    Args:
        folder: its working directory, of which it imports first.
        variables: of its environment.

    Raises:
        SystemExit: with its exit code, if it fails.
    """
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        stdout=subprocess.PIPE,
    )
    if done.returncode:
        sys.exit(done.returncode)
    wall, processor, peak = json.loads(done.stdout)
    return Cost(wall, processor, peak / 1024)
