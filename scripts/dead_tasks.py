"""Tasks of DVC's queue that a kill or a power cut ended, and that DVC takes for running."""

from __future__ import annotations

import dataclasses
import logging
import shutil
from pathlib import Path
from typing import Any

import psutil

from src.compare.unfinished import copy_of, processes_of


def fail_dead_tasks(repo: Any) -> list[str]:
    """Mark the tasks that no process runs as failed, as DVC would wait for them for ever.

    Their temporary copies of the repository are removed.

    Args:
        repo: the `dvc.repo.Repo`.

    Returns:
        A line for each of them, and for each that runs on without a worker.
    """
    # Whoever has no queue waits for no import.
    if not Path(repo.tmp_dir, "exps", "celery").exists():
        return []
    from dvc.repo.experiments.exceptions import UnresolvedRunningExpNamesError
    from dvc.repo.experiments.queue.exceptions import CannotKillTasksError

    # It warns that a queue of files has no host.
    logging.getLogger("kombu").setLevel(logging.ERROR)
    queue = repo.experiments.celery_queue
    tasks = list(queue.iter_active())
    # A worker that is too busy to answer may have any of them in its hands.
    if not tasks or not _workers(repo.root_dir) <= queue.worker_status().keys():
        return []
    lines = []
    for task in tasks:
        name, folder = task.name or task.stash_rev[:7], copy_of(queue, task)
        if folder and folder.parent != Path(queue.wdir).parent:
            folder = None  # no copy that the queue made
        living = list(processes_of(task, folder))
        if living:
            if not any(map(_has_worker, living)):
                # Not one that it has started, whose id may be the smaller one.
                first = min(living, key=lambda process: process.create_time())
                lines.append(
                    f"task {name}: process {first.pid} runs it, and no worker waits for its "
                    "result; end it, then make repair"
                )
            continue
        process = queue.proc.get(task.stash_rev)
        if process and process.returncode is None:
            # DVC would send a signal to the id, which may be another process's by now.
            queue.proc[task.stash_rev] = dataclasses.replace(process, returncode=-1)
        try:
            queue.kill([task.stash_rev])
        except (CannotKillTasksError, UnresolvedRunningExpNamesError):
            continue  # a worker begins or ends it at this moment
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
        lines.append(f"task {name}: its process is gone; {_keep(queue, task)}, to be queued again")
    return lines


def _keep(queue: Any, task: Any) -> str:
    """Keep the commit of a failed task until somebody removes the task, as DVC does.

    Returns:
        What became of the task: without its commit, none of DVC's commands could read the queue.
    """
    from dvc.repo.experiments.queue.remove import remove_tasks
    from scmrepo.exceptions import SCMError

    try:
        queue.scm.resolve_commit(task.stash_rev)
    except SCMError:
        # git removes a commit that nothing refers to after two weeks.
        remove_tasks(queue, [task])
        return "removed"
    queue.stash_failed(task)
    return "marked as failed"


def _workers(root: str) -> set[str]:
    """The names of the queue's workers, by the processes that there are."""
    names = set()
    for process in psutil.process_iter():
        try:
            if _is_worker(process) and Path(process.cwd()).is_relative_to(root):
                words = process.cmdline()
                names.add(words[words.index("queue-worker") + 1])
        except psutil.Error:
            continue
    return names


def _has_worker(process: psutil.Process) -> bool:
    """Whether a worker started a process, and so waits for its end."""
    try:
        return any(map(_is_worker, process.parents()))
    except psutil.Error:
        return True  # nothing is certain of what ends at this moment


def _is_worker(process: psutil.Process) -> bool:
    return "queue-worker" in process.cmdline()
