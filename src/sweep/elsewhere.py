"""A sweep on a Ray cluster, whose runs start from the remotes and come back through them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from ..common.errors import UserError
from ..common.files import ROOT, open_replacing
from ..compare.commits import git
from ..terminal.say import say
from .finished import difference
from .grid import Run
from .local import log_path
from .remotes import find_remotes
from .repository import experiments, prefix, refs_on
from .worker import Job


def missing(runs: list[Run], git_remote: str, commit: str) -> tuple[list[Run], list[str]]:
    """The runs that the git remote lacks, and the names of those that only it has.

    Args:
        commit: the one that the runs start from.

    Raises:
        UserError: if this repository has an experiment of a run's name which the remote lacks, or
            the remote has one that is not what the run would make.
    """
    there = experiments(git_remote, refs_on(commit))
    here = experiments(".", refs_on(commit))
    for each in runs:
        if each.name in here and here[each.name] != there.get(each.name):
            raise UserError(
                f"experiment {each.name} is here and not on {git_remote}: dvc exp push "
                f"{git_remote} {each.name}, or dvc exp remove {each.name}"
            )
    done = [each.name for each in runs if each.name in there]
    if done:
        refs = [f"{refs_on(commit)}{name}" for name in done]
        git("fetch", "--quiet", "--no-write-fetch-head", git_remote, *refs)
    for each in runs:
        if each.name in there and (lacks := difference(each, there[each.name], commit)):
            raise UserError(
                f"experiment {each.name} is on {git_remote} {lacks}: dvc exp remove "
                f"--git-remote {git_remote} {each.name}, and here dvc exp remove {each.name}"
            )
    for name in done:
        say(f"{name}: finished before")
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
    runs: list[Run],
    git_remote: str,
    address: str | None,
    runs_dir: Path | None,
    finished: Callable[[str], object] = lambda name: None,
    **settings: float,
) -> list[str]:
    """Run the experiments that the git remote lacks, and pull all of them.

    Args:
        address: ``host:port`` of the cluster; None starts one on this machine.
        runs_dir: see `Job`.
        finished: called with the name of each run whose experiment is here, as soon as it is.
        settings: ``cpus`` and ``gpus`` of a run, and ``retries``, see `run_all`.

    Returns:
        The names of those that failed or could not be pulled; each has a log.

    Raises:
        UserError: for wrong settings, before anything has started.
    """
    from .cluster import connected, run_all

    remotes = find_remotes(git_remote)
    todo, before = missing(runs, git_remote, remotes.commit)
    failures: list[str] = []

    job = Job(
        git_url=remotes.git_url,
        commit=remotes.commit,
        refs=refs_on(remotes.commit),
        dvc_config=remotes.dvc_config,
        runs_dir=str(runs_dir) if runs_dir else None,
        cpus=int(settings["cpus"]),
        gpus=settings["gpus"],
        prefix=prefix(),
    )
    with connected(address, job) if todo else nullcontext():
        problem = collect(git_remote, before)
        if problem:
            failures += before
            for name in before:
                _write_log(name, problem)
        for run in runs:
            if run not in todo and run.name not in failures:
                finished(run.name)
        retries = int(settings["retries"])
        for name, is_there, log in run_all(job, todo, retries, say) if todo else ():
            problem = collect(git_remote, [name]) if is_there else ""
            _write_log(name, log + problem)
            if problem or not is_there:
                failures.append(name)
            say(f"{name}: {'failed' if name in failures else 'finished'}")
            if name not in failures:
                finished(name)
    return failures


def _write_log(name: str, log: str) -> None:
    with open_replacing(log_path(name)) as file:
        file.write(log)
