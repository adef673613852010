"""What a command of ours takes, run in a process of its own as a user would."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent


class Cost(NamedTuple):
    """Wall-clock and processor seconds from start to exit, and the peak of resident MiB."""

    wall: float
    processor: float
    peak: float


def run(folder: Path | str, *command: str) -> Cost:
    """Run ``python -m command``, which ends us with its exit code if it fails.

    Args:
        folder: where it stands, and writes.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(process.returncode)
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
