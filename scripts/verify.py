"""Reproduce the committed results: clone HEAD, run the pipeline without a cache, compare.

    python -m scripts.verify            # the committed run: as long as make repro
    python -m scripts.verify --quick    # the committed data, and a small training done twice

The data is the same on every machine. Weights are the same on the same kind of CPU with the same
number of threads, which the committed run tells; elsewhere the metrics must agree within
`TOLERANCE`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from src.common.errors import UserError
from src.common.files import ROOT
from src.common.yaml_1_2 import read_yaml
from src.terminal.cli import Parser, run
from src.terminal.streams import reader_has_gone

# Other rounding has the effect of another seed. Default runs have an exact match of 99 % and more,
# so two of them cannot be further apart.
TOLERANCE = {"exact_match": 0.01, "val_exact_match": 0.01}
# Enough training for several validations, a saved state and each curve.
QUICK = (
    "data.n_samples=8000",
    "training.max_steps=300",
    "training.warmup_steps=30",
    "training.val_check_interval=100",
)


def git_repository() -> str:
    """The folder of the git repository: this one, or one in which it is a subfolder."""
    return call(ROOT, "git", "rev-parse", "--show-toplevel").rstrip("\n")


def clone(folder: Path) -> Path:
    """Clone HEAD of the git repository into a folder, without DVC's cache.

    Returns:
        Where this project is in the clone.
    """
    call(ROOT, "git", "clone", "--quiet", git_repository(), str(folder))
    return folder / call(ROOT, "git", "rev-parse", "--show-prefix").rstrip("\n")


def changed(folder: Path) -> list[str]:
    """Those of dvc.lock and the files in metrics/ that differ from the commit."""
    words = ("diff", "--name-only", "--relative", "HEAD", "--", "dvc.lock", "metrics")
    return call(folder, "git", *words).splitlines()


def outputs(folder: Path, stage: str) -> dict[str, str]:
    """The hash of each output of a stage in dvc.lock, by path."""
    lock = read_yaml(folder / "dvc.lock")
    return {out["path"]: out["md5"] for out in lock["stages"][stage]["outs"]}


def verify(workplace: Path) -> str:
    """Run the committed pipeline again, and compare.

    Returns:
        A line that says what agrees.

    Raises:
        UserError: naming what differs.
    """
    folder = clone(workplace / "clone")
    committed = outputs(folder, "generate")
    before = _metrics(folder)
    call(folder, "dvc", "repro", show=True, threads=threads(before))
    if outputs(folder, "generate") != committed:
        raise UserError("the data differs from the committed data: dvc.lock, stage generate")
    files = changed(folder)
    if not files:
        return "identical: dvc.lock and every file in metrics/"
    for name, tolerance in TOLERANCE.items():
        difference = abs(_metrics(folder)[name] - before[name])
        if difference > tolerance:
            raise UserError(
                f"{name} differs by {difference:.4f}, more than {tolerance}; "
                f"differing files: {', '.join(files)}"
            )
    return (
        f"data identical, metrics within {TOLERANCE}; not to the byte: {', '.join(files)}; "
        f"the committed run is of {before['hardware']}, this one of {_metrics(folder)['hardware']}"
    )


def verify_quick(workplace: Path) -> str:
    """Generate the committed data, and train twice: in two folders, with and without workers.

    Returns:
        A line that says what agrees.

    Raises:
        UserError: naming what differs.
    """
    one, other = clone(workplace / "one"), clone(workplace / "else where" / "two")
    call(one, "dvc", "repro", "generate", show=True)
    if "dvc.lock" in changed(one):
        raise UserError("the data differs from the committed data: dvc.lock, stage generate")
    for folder, workers in ((one, 0), (other, 2)):
        overrides = (*QUICK, f"runtime.num_workers={workers}")
        flags = [word for value in overrides for word in ("--set-param", value)]
        call(folder, "dvc", "exp", "run", *flags, show=True)
    files = [Path("dvc.lock"), *sorted(p.relative_to(one) for p in one.glob("metrics/*.*"))]
    differing = [str(f) for f in files if (one / f).read_bytes() != (other / f).read_bytes()]
    if differing:
        raise UserError(f"two runs of the same commit differ: {', '.join(differing)}")
    return f"identical: the committed data, and {len(files)} files of two small runs"


def _metrics(folder: Path) -> dict[str, Any]:
    files = (folder / "metrics" / "train.json", folder / "metrics" / "eval.json")
    return {k: v for f in files for k, v in json.loads(f.read_text(encoding="utf-8")).items()}


def threads(metrics: Mapping[str, Any]) -> int | None:
    """The number of threads that a training ran on; None if it was not on a CPU.

    >>> threads({"hardware": "cpu: AVX2, 2 threads, compiled"})
    2
    """
    found = re.search(r"cpu: .*?(\d+) thread", metrics.get("hardware", ""))
    return int(found[1]) if found else None


def call(folder: Path, *command: str, show: bool = False, threads: int | None = None) -> str:
    """Run a command in a folder.

    Args:
        show: whether its output is shown instead of returned.
        threads: those of PyTorch; None: as many as it takes by itself.

    Returns:
        Its output, or ``""``.

    Raises:
        UserError: if it fails.
        BrokenPipeError: if it fails and nobody reads its output any more.
    """
    # DVC's variables for stages of this repository would mislead it in another.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DVC_")}
    # The clone has no .venv: dvc and python are those beside this Python.
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=None if show else subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode and show and reader_has_gone():
        raise BrokenPipeError
    if done.returncode:
        raise UserError(f"{' '.join(command)} failed with exit code {done.returncode}")
    return done.stdout or ""


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser("scripts.verify", "Run the committed pipeline in a fresh clone and compare.")
    parser.add_argument("--quick", action="store_true", help="two minutes instead of a whole run")
    quick = "quick" in parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="verify-") as workplace:
        result = verify_quick(Path(workplace)) if quick else verify(Path(workplace))
    sys.stdout.flush()
    print(result)


if __name__ == "__main__":
    run(main)
