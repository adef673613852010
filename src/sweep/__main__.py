"""Run many experiments on a Ray cluster, and bring them here.

    python -m src.sweep --models gpt2,llama2,mixtral --seeds 0,1,2 [-S key=value] [--address A]

Each combination of architecture, seed and values is a DVC experiment. It runs in a fresh clone on
whatever machine of the cluster has room, and comes back through the git remote and the DVC remote,
as if it had run here. An experiment that the git remote has already is not run again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from ..common.errors import UserError
from ..common.files import ROOT, RUNS_DIR, open_replacing
from ..terminal.cli import Parser, run
from .grid import Run, grid
from .remotes import Remotes, experiments, find_remotes
from .worker import Job


def missing(runs: list[Run], git_remote: str, remotes: Remotes) -> tuple[list[Run], list[str]]:
    """The runs that the git remote lacks, and the names of those that only it has.

    Raises:
        UserError: if this repository has an experiment of a run's name which the remote lacks.
    """
    there = experiments(git_remote, remotes.refs)
    here = experiments(".", remotes.refs)
    for each in runs:
        if each.name in here and here[each.name] != there.get(each.name):
            raise UserError(
                f"experiment {each.name} is here and not on {git_remote}: dvc exp push "
                f"{git_remote} {each.name}, or dvc exp remove {each.name}"
            )
    done = [each.name for each in runs if each.name in there]
    for name in done:
        print(f"{name}: finished before")
    return [each for each in runs if each.name not in there], [n for n in done if n not in here]


def collect(git_remote: str, names: list[str]) -> str:
    """Pull experiments and their files; returns DVC's output if that failed, otherwise ``""``."""
    if not names:
        return ""
    words = [sys.executable, "-m", "dvc", "exp", "pull", git_remote, *names]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    # DVC calls this a success. It happens where each machine has another folder for a remote.
    lacking = "Some of the cache files do not exist" in said
    return said if done.returncode or lacking else ""


def sweep(
    runs: list[Run], git_remote: str, address: str | None, runs_dir: Path | None, **settings: float
) -> list[str]:
    """Run the experiments that the git remote lacks, and pull all of them.

    Args:
        address: ``host:port`` of the cluster; None starts one on this machine.
        runs_dir: see `Job`.
        settings: ``cpus`` and ``gpus`` of a run, and ``retries``, see `run_all`.

    Returns:
        The names of those that failed or could not be pulled; each has a log.

    Raises:
        UserError: for wrong settings, before anything has started.
    """
    from .cluster import connect, run_all

    remotes = find_remotes(git_remote)
    todo, before = missing(runs, git_remote, remotes)
    failures: list[str] = []

    if todo:
        job = Job(
            git_url=remotes.git_url,
            commit=remotes.commit,
            refs=remotes.refs,
            dvc_config=remotes.dvc_config,
            runs_dir=str(runs_dir) if runs_dir else None,
            cpus=int(settings["cpus"]),
            gpus=settings["gpus"],
        )
        connect(address, job)
    problem = collect(git_remote, before)
    if problem:
        failures += before
        for name in before:
            _write_log(name, problem)
    if todo:
        for name, finished, log in run_all(job, todo, int(settings["retries"]), _print_at_once):
            problem = collect(git_remote, [name]) if finished else ""
            _write_log(name, log + problem)
            if problem or not finished:
                failures.append(name)
            _print_at_once(f"{name}: {'failed' if name in failures else 'finished'}")
    return failures


def log_path(name: str) -> Path:
    """The file on this machine that holds the log of a run."""
    return RUNS_DIR / "sweep" / f"{name}.log"


def _write_log(name: str, log: str) -> None:
    with open_replacing(log_path(name)) as file:
        file.write(log)


def _print_at_once(line: str) -> None:
    print(line, flush=True)


def _seeds(text: str) -> list[int]:
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: must be whole numbers, such as 0,1,2") from None


def _at_least(least: int, kind: Callable[[str], float]) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = kind(text)
        if not value >= least:
            raise argparse.ArgumentTypeError(f"{text}: must be at least {least}")
        return value

    number.__name__ = "number"
    return number


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser("src.sweep", "Run each combination as an experiment on a Ray cluster.")
    parser.add_argument("--models", required=True, help="gpt2,llama2,mixtral")
    parser.add_argument("--seeds", type=_seeds, required=True, help="0,1,2")
    parser.add_argument(
        "-S",
        "--set-param",
        action="append",
        metavar="KEY=VALUE",
        help="as dvc exp run takes it; KEY=A,B runs each",
    )
    parser.add_argument("--address", help="HOST:PORT of a Ray cluster (one on this machine)")
    parser.add_argument("--git-remote", help="where runs start from and come back to (origin)")
    parser.add_argument(
        "--runs-dir",
        type=Path,
        help="a folder that all machines share, for lost runs to resume (runs, on this machine)",
    )
    parser.add_argument("--cpus-per-run", type=_at_least(1, int), help="threads of each run (1)")
    parser.add_argument("--gpus-per-run", type=_at_least(0, float), help="GPUs of each run (0)")
    parser.add_argument(
        "--retries", type=_at_least(-1, int), help="of a lost run; -1: any number (3)"
    )
    given = vars(parser.parse_args(argv))
    address = given.get("address")
    runs_dir = given.get("runs_dir", None if address else RUNS_DIR)
    try:
        failures = sweep(
            grid(given["models"].split(","), given["seeds"], given.get("set_param", [])),
            given.get("git_remote", "origin"),
            address,
            runs_dir and runs_dir.expanduser().resolve(),
            cpus=given.get("cpus_per_run", 1),
            gpus=given.get("gpus_per_run", 0),
            retries=given.get("retries", 3),
        )
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; the same command goes on from here") from None
    if failures:
        print(f"{len(failures)} failed:", file=sys.stderr)
        for name in failures:
            print(f"  {name}: {log_path(name)}", file=sys.stderr)
        sys.exit(1)
    print("all finished; python -m src.compare and dvc exp show read them")


if __name__ == "__main__":
    run(main)
