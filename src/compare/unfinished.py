"""Experiments that DVC knows and that have not finished: queued, running or failed."""

from __future__ import annotations

from collections.abc import Collection

from ..common.files import ROOT


def unfinished(baselines: Collection[str]) -> list[tuple[str, str]]:
    """Names and states (Queued, Running, Failed) of DVC's tasks that have no result.

    A task that DVC calls running though its process has ended is Interrupted. DVC itself shows a
    task without a result with the metrics of the commit that it started from.

    Args:
        baselines: the commits that they started from.
    """
    # DVC takes a second to import.
    import psutil
    from dvc.repo import Repo

    found: dict[str, str] = {}
    with Repo(str(ROOT)) as repo:
        experiments = repo.experiments
        tasks = experiments.celery_queue
        for entry, _ in tasks.iter_failed():
            if entry.baseline_rev in baselines:
                found[entry.name or entry.stash_rev[:7]] = "Failed"
        for entry in tasks.iter_queued():
            if entry.baseline_rev in baselines:
                found[entry.name or entry.stash_rev[:7]] = "Queued"
        for queue in (tasks, experiments.tempdir_queue):
            for entry in queue.iter_active():
                if entry.baseline_rev in baselines:
                    process = queue.proc.get(entry.stash_rev)
                    alive = process is not None and psutil.pid_exists(process.pid)
                    name = entry.name or entry.stash_rev[:7]
                    found[name] = "Running" if alive else "Interrupted"
        here = experiments.workspace_queue.collect_active_data(baselines)
        for ranges in here.values():
            for each in ranges:
                found[each.name or "the workspace's"] = "Running"
    return sorted(found.items())
