"""Run many experiments, here or on a Ray cluster.

    python -m src.sweep --jobs 2 --models gpt2,llama2,mixtral --seeds 0,1,2 [-S key=value]
    python -m src.sweep --models gpt2,llama2,mixtral --seeds 0,1,2 [-S key=value] [--address A]

Each combination of architecture, seed and values is a DVC experiment, which runs in a fresh clone
of the commit that is checked out. With --jobs, so many run at a time on this machine. Without, each
runs on whatever machine of the cluster has room, and comes back through the git remote and the DVC
remote. An experiment that is there already, with the same parameters, is not run again.
"""

from __future__ import annotations

import argparse
import sys

from ..common.files import RUNS_DIR
from ..compare.commits import read
from ..terminal.cli import Parser, at_least, run, to_name, to_path
from ..terminal.say import note, say
from . import elsewhere, local
from .grid import grid
from .local import log_path
from .repository import head

# Flags that only a cluster understands.
_OF_A_CLUSTER = ("address", "git_remote", "runs_dir", "gpus_per_run", "retries")


def _words(text: str) -> list[str]:
    """What commas, spaces or both part; spaces are how make parts it.

    Raises:
        ArgumentTypeError: if that is nothing.
    """
    words = text.replace(",", " ").split()
    if not words:
        raise argparse.ArgumentTypeError("names nothing to run")
    return words


def _seeds(text: str) -> list[int]:
    words = _words(text)
    if not all(word.isascii() and word.isdecimal() for word in words):
        raise argparse.ArgumentTypeError(f"{text}: must be whole numbers from 0 on, such as 0,1,2")
    return list(map(int, words))


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser("src.sweep", "Run each combination as an experiment, here or on a Ray cluster.")
    parser.add_argument(
        "--jobs", type=at_least(1, int), help="here, so many at a time, without Ray or remotes"
    )
    parser.add_argument("--models", type=_words, help="gpt2,llama2,mixtral")
    parser.add_argument("--seeds", type=_seeds, help="0,1,2")
    parser.add_argument(
        "-S",
        "--set-param",
        action="append",
        metavar="KEY=VALUE",
        help="as dvc exp run takes it; KEY=A,B runs each",
    )
    parser.add_argument(
        "--each",
        action="append",
        metavar="KEY=VALUE,KEY=VALUE",
        help="a run with these changes together; once for each such run. Without --models or "
        "--seeds: those of params.yaml",
    )
    parser.add_argument(
        "--address", type=to_name, help="HOST:PORT of a Ray cluster (one on this machine)"
    )
    parser.add_argument(
        "--git-remote", type=to_name, help="where runs start from and come back to (origin)"
    )
    parser.add_argument(
        "--runs-dir",
        type=to_path,
        help="a folder that all machines share, for lost runs to resume (runs, on this machine)",
    )
    parser.add_argument("--cpus-per-run", type=at_least(1, int), help="threads of each run (1)")
    parser.add_argument("--gpus-per-run", type=at_least(0, float), help="GPUs of each run (0)")
    parser.add_argument(
        "--retries", type=at_least(-1, int), help="of a lost run; -1: any number (3)"
    )
    given = vars(parser.parse_args(argv))
    groups = given.get("each", [])
    lacking = [flag for flag in ("models", "seeds") if flag not in given]
    if lacking and not groups:
        parser.error(f"--{lacking[0]} is missing: which runs? --each alone may say that as well")
    of_a_cluster = [flag for flag in _OF_A_CLUSTER if flag in given]
    if "jobs" in given and of_a_cluster:
        flag = of_a_cluster[0].replace("_", "-")
        parser.error(f"--jobs runs here, without a cluster or remotes: --{flag} is of no use")
    commit = head()
    axes = given.get("models"), given.get("seeds"), given.get("set_param", [])
    runs = grid(*axes, groups, read(commit, "params.yaml"))
    cpus = given.get("cpus_per_run", 1)
    try:
        if "jobs" in given:
            failures = local.sweep(runs, commit, given["jobs"], cpus)
        else:
            address = given.get("address")
            runs_dir = given.get("runs_dir", None if address else RUNS_DIR)
            failures = elsewhere.sweep(
                runs,
                given.get("git_remote", "origin"),
                address,
                runs_dir and runs_dir.expanduser().resolve(),
                cpus=cpus,
                gpus=given.get("gpus_per_run", 0),
                retries=given.get("retries", 3),
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; the same command goes on from here") from None
    if failures:
        note(f"{len(failures)} failed:")
        for name in failures:
            note(f"  {name}: {log_path(name)}")
        sys.exit(1)
    say("all finished; python -m src.compare and dvc exp show read them")


if __name__ == "__main__":
    run(main)
