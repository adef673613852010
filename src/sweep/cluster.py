"""Runs as tasks of a Ray cluster, restarted elsewhere if a node is lost."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory
from typing import Any

from ..common.errors import UserError
from ..terminal.say import note
from . import access, process_group, worker
from .grid import Run
from .worker import Job


@contextmanager
def connected(address: str | None, job: Job) -> Iterator[None]:
    """Join a cluster, or start one on this machine that ends with the block, and its files with it.

    Args:
        address: ``host:port`` of the cluster; None starts one.
        job: its runs must fit on the machine, if the cluster is started here.

    Raises:
        UserError: if Ray is not installed, no cluster answers, the one that does is not protected
            (see `access.check_protected`), or a run needs more CPUs or GPUs than the new one has.
    """
    # Read when Ray is imported: report no usage to its makers, and leave lost nodes to `run_all`,
    # which names them in one line each.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "Raylet is terminated|has been marked dead")
    os.environ.update(access.asking() if address else access.closed())
    try:
        import ray
    except ImportError:
        raise UserError(
            "Ray is not installed: pip install -r requirements-ray.txt -c constraints.txt"
        ) from None

    settings: dict[str, Any] = {"address": address}
    with ExitStack() as stack:
        if address:
            _check_answers(address)
            note(access.check_protected(address))
        else:
            # Ray lets everybody into its folders; nobody else can enter the one around them.
            private = TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True)
            settings = {"address": "local", "_temp_dir": f"{stack.enter_context(private)}/ray"}
            # A new cluster, even if one runs here. Runs exchange files: the object store is small.
            settings |= {"include_dashboard": False, "object_store_memory": 100 * 2**20}
        try:
            # The output of a run comes back with its result.
            ray.init(**settings, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UserError(f"no Ray cluster at {address}: {error}") from None
        stack.callback(ray.shutdown)
        if address is None:
            _check_room(job)
        yield


def _check_room(job: Job) -> None:
    import ray

    for kind, wanted in (("CPU", job.cpus), ("GPU", job.gpus)):
        there = max(node["Resources"].get(kind, 0) for node in ray.nodes() if node["Alive"])
        if wanted > there:
            raise UserError(f"a run is to have {wanted:g} {kind}s, this machine has {there:g}")


def _check_answers(address: str) -> None:
    # Ray itself would try for minutes, with many lines of warnings.
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError, OverflowError) as error:
        raise UserError(f"no Ray cluster at {address}, which must be HOST:PORT: {error}") from None


def run_all(
    job: Job, runs: Sequence[Run], retries: int, show: Callable[[str], None]
) -> Iterator[tuple[str, bool, str]]:
    """Run experiments, as many at a time as the cluster has room for.

    Args:
        retries: how often a run is restarted after the loss of its node or worker; -1: without
            limit. A run that fails by itself is not restarted.
        show: called with each line of news.

    Yields:
        For each run as it ends: its name, whether the git remote has it, and its log.
    """
    import ray

    # By value: the machines need Ray, DVC and what the stages import, but not this repository.
    for module in (process_group, worker):
        ray.cloudpickle.register_pickle_by_value(module)
    news = _start_mailbox()
    task = ray.remote(
        num_cpus=job.cpus, num_gpus=job.gpus, max_retries=retries, scheduling_strategy="SPREAD"
    )(worker.run_and_collect)
    pending = {}
    for run in runs:
        ref = task.options(name=run.name).remote(job, run.name, run.overrides, _sender(news))
        pending[ref] = run.name
    lost = _lost_nodes()
    while pending:
        ended, _ = ray.wait(list(pending), timeout=1)
        for node in sorted(_lost_nodes() - lost):
            show(f"node {node} is lost; what ran there starts again elsewhere")
            lost.add(node)
        for line in ray.get(news.take.remote()):
            show(line)
        for ref in ended:
            try:
                finished, log = ray.get(ref)
            except ray.exceptions.RayError as error:
                finished, log = False, f"{error}\n"
            yield pending.pop(ref), finished, log


def _lost_nodes() -> set[str]:
    import ray

    return {
        f"{node['NodeManagerAddress']} ({node['NodeID'][:8]})"
        for node in ray.nodes()
        if not node["Alive"]
    }


def _start_mailbox() -> Any:
    """A Ray actor on this node that keeps the lines that runs send until they are shown."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    class Mailbox:
        def __init__(self) -> None:
            self.lines: list[str] = []

        def tell(self, line: str) -> None:
            self.lines.append(line)

        def take(self) -> list[str]:
            lines, self.lines = self.lines, []
            return lines

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(Mailbox).options(num_cpus=0, scheduling_strategy=here).remote()


def _sender(news: Any) -> Callable[[str], object]:
    return lambda line: news.tell.remote(line)
