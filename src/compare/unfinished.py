"""Experiments that DVC knows and that have not finished: queued, running or failed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..common.files import ROOT

if TYPE_CHECKING:
    import psutil


def unfinished(baselines: Collection[str]) -> list[tuple[str, str]]:
    """Names of DVC's tasks that have no result, and what became of each, in a few words.

    DVC itself shows a task without a result with the metrics of the commit that it started from,
    and as running for ever where a kill ended it.

    Args:
        baselines: the commits that they started from.
    """
    # DVC takes a second to import.
    from dvc.repo import Repo

    found: dict[str, str] = {}

    def note(task: Any, said: str) -> None:
        if task.baseline_rev in baselines:
            found[task.name or task.stash_rev[:7]] = said

    with Repo(str(ROOT)) as repo:
        experiments = repo.experiments
        queue, temporary = experiments.celery_queue, experiments.tempdir_queue
        for task, _ in queue.iter_failed():
            note(task, "which failed; dvc queue logs tells why")
        for task in queue.iter_queued():
            note(task, "which waits in DVC's queue")
        for task in queue.iter_active():
            ended = "which was interrupted; make repair takes it from DVC's queue"
            note(task, "which is running" if _lives(queue, task) else ended)
        for task in temporary.iter_active():
            ended = "which was interrupted; it was run with --temp"
            note(task, "which is running" if _lives(temporary, task) else ended)
        here = experiments.workspace_queue.collect_active_data(baselines)
        for each in (each for ranges in here.values() for each in ranges):
            found[each.name or "that of the workspace"] = "which is running"
    return sorted(found.items())


def _lives(queue: Any, task: Any) -> bool:
    """Whether a process works for a task."""
    return any(True for _ in processes_of(task, copy_of(queue, task)))


def copy_of(queue: Any, task: Any) -> Path | None:
    """The temporary copy of the repository in which a task of DVC runs, once there is one."""
    from dvc.repo.experiments.executor.base import ExecutorInfo

    try:
        return Path(ExecutorInfo.load_json(queue.get_infofile_path(task.stash_rev)).root_dir)
    except FileNotFoundError:
        return None


def processes_of(task: Any, copy: Path | None) -> Iterator[psutil.Process]:
    """The processes that name a task in their command, or are at work in its copy."""
    # It comes with DVC, and takes its time to import.
    import psutil

    for process in psutil.process_iter():
        try:
            if task.stash_rev in " ".join(process.cmdline()) or (
                copy and Path(process.cwd()).is_relative_to(copy)
            ):
                yield process
        except psutil.Error:
            continue
