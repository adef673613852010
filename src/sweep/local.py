"""Runs on this machine, some at a time, without Ray and without any remote."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from ..common.files import ROOT, RUNS_DIR
from ..compare.commits import git
from ..terminal.progress_bar import duration
from ..terminal.say import say
from . import worker
from .finished import difference, unlike
from .grid import Run
from .leftovers import alone, end_commands, remove_leftovers
from .progress import Progress
from .repository import changed, experiments, prefix, refs_on
from .worker import Job

# Not in runs/, where tensorboard would follow the clones' links back to it, round and round.
CLONES = ROOT / ".dvc" / "tmp" / "sweep"

# A line of a run's output; at its end, whether this repository has the experiment.
_News = tuple[str, str | bool]


class _StoppedError(Exception):
    """The sweep is being stopped."""


def sweep(
    runs: list[Run],
    commit: str,
    at_once: int,
    cpus: int,
    finished: Callable[[str], object] = lambda name: None,
) -> list[str]:
    """Run the experiments that this repository lacks, and show how far they are.

    Args:
        commit: the one that they start from.
        at_once: how many run at a time.
        cpus: threads of each.
        finished: called with the name of each run whose experiment is there, as soon as it is.

    Returns:
        The names of those that failed.

    Raises:
        UserError: if another sweep of this repository is running.
    """
    if lacking := changed(commit):
        say(f"{', '.join(lacking)}: changed since the commit; the runs are of the commit")
    cache = _cache()
    job = Job(
        git_url=git("rev-parse", "--show-toplevel").strip(),
        commit=commit,
        refs=refs_on(commit),
        dvc_config=_dvc_config(cache),
        runs_dir=str(RUNS_DIR.resolve()),
        cpus=cpus,
        gpus=0,
        clones=str(CLONES),
        prefix=prefix(),
    )
    names = {run.name: f"run {i} of {len(runs)}, {run.name}" for i, run in enumerate(runs, 1)}
    with alone(CLONES) as since:
        git_dir = ROOT / git("rev-parse", "--git-common-dir").strip()
        remove_leftovers(CLONES, Path(cache["dir"]), git_dir, since)
        todo = _missing(runs, job, names)
        for run in runs:
            if run not in todo:
                finished(run.name)
        failures, cached = _run_and_show(todo, job, at_once, names, finished)
        there = experiments(".", job.refs)
        done = {run.name: there[run.name] for run in todo if run.name not in failures}
        again = unlike(done, cached)
        for name in again:
            say(f"{names[name]}, was trained before on other hardware than the others; once more")
        forced = [run for run in todo if run.name in again]
        forced_job = replace(job, force=True)
        return failures + _run_and_show(forced, forced_job, at_once, names, finished)[0]


def _missing(runs: Sequence[Run], job: Job, names: Mapping[str, str]) -> list[Run]:
    """The runs of which this repository has no experiment with the same parameters."""
    there = experiments(".", job.refs)
    todo = []
    for run in runs:
        lacks = difference(run, there[run.name], job.commit) if run.name in there else None
        if lacks == "":
            say(f"{names[run.name]}, finished before")
            continue
        if lacks:
            say(f"{names[run.name]}, is there {lacks}; runs again and replaces it")
        todo.append(run)
    return todo


def _run_and_show(
    runs: Sequence[Run],
    job: Job,
    at_once: int,
    names: Mapping[str, str],
    finished: Callable[[str], object],
) -> tuple[list[str], set[str]]:
    """Run experiments, with a line for each piece of news.

    Args:
        finished: called with the name of each that is.

    Returns:
        The names of those that failed, and of those whose training DVC had from before.
    """
    progress = Progress(runs, at_once)
    failures = []
    with closing(run_all(job, runs, at_once)) as news:
        for name, said in news:
            if isinstance(said, str):
                text = progress.hear(name, said)
            else:
                progress.end(name, said)
                text = "finished" if said else f"failed: {log_path(name)}"
                failures += [] if said else [name]
                if said:
                    finished(name)
            if text:
                left = progress.left()
                end = f", {duration(left)} left" if left else ""
                say(f"{names[name]}, {text}{end}")
    return failures, progress.cached()


def run_all(job: Job, runs: Sequence[Run], at_once: int) -> Generator[_News, None, None]:
    """Run experiments; closed before its end, it stops them.

    Args:
        at_once: how many run at a time.

    Yields:
        The name of a run with each line of its output; as it ends, with whether this repository has
        the experiment.
    """
    news: SimpleQueue[_News] = SimpleQueue()
    stopping = threading.Event()

    def attempt(run: Run) -> None:
        finished = False
        path = log_path(run.name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", encoding="utf-8", buffering=1) as log:

                def listen(line: str) -> None:
                    if stopping.is_set():
                        raise _StoppedError
                    log.write(line)
                    news.put((run.name, line))

                finished = worker.run(job, run.name, run.overrides, listen)
        finally:
            news.put((run.name, finished))

    with ThreadPoolExecutor(at_once) as pool:
        pending = [pool.submit(attempt, run) for run in runs]
        try:
            n_running = len(runs)
            while n_running:
                name, said = news.get()
                n_running -= isinstance(said, bool)
                yield name, said
            for each in pending:
                each.result()  # such as an error of the disk
        finally:
            stopping.set()
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(each.done() for each in pending):
                end_commands(CLONES)
                time.sleep(0.1)


def log_path(name: str) -> Path:
    """The file on this machine that holds the log of a run."""
    return RUNS_DIR / "sweep" / f"{name}.log"


def _cache() -> dict[str, Any]:
    """The settings of this repository's DVC cache, with its folder."""
    # DVC takes a second to import.
    from dvc.config import Config

    settings = dict(Config(str(ROOT / ".dvc"))["cache"])
    return settings | {"dir": str(settings.get("dir", ROOT / ".dvc" / "cache"))}


def _dvc_config(cache: dict[str, Any]) -> str:
    """Content of .dvc/config.local by which a clone uses this repository's cache."""
    # DVC writes its own files with it.
    from configobj import ConfigObj

    file = ConfigObj()
    file["cache"] = {
        key: ",".join(value) if isinstance(value, list) else str(value)
        for key, value in cache.items()
    }
    return "\n".join(file.write()) + "\n"
