"""A sweep over a Ray cluster of two nodes, one of which is lost in the middle."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from src.sweep.access import closed

from ..clone import Clone

NAMES = ["llama2-seed0-max_steps-400", "mixtral-seed0-max_steps-400"]
# Only GPT-2 is too short for the data.
FLAGS = ["--seeds", "0", "-S", "training.max_steps=400", "-S", "models.gpt2.max_seq_len=8"]


class Node:
    """A node of the cluster, and the processes that make it."""

    def __init__(self, cluster: Any, node: Any) -> None:
        self.cluster, self.node = cluster, node
        (raylet,) = node.all_processes["raylet"]
        self.raylet = psutil.Process(raylet.process.pid)

    def holds(self, lock: Path) -> bool:
        """Whether a process that was started there has a file open."""
        for process in self.raylet.children(recursive=True):
            with suppress(psutil.Error):
                if any(file.path == str(lock) for file in process.open_files()):
                    return True
        return False

    def lose(self) -> None:
        """Kill Ray's processes, and not those that its tasks started."""
        workers = self.raylet.children()
        self.cluster.remove_node(self.node, allow_graceful=False)
        for worker in workers:
            worker.kill()


# Ray reads its token once in a process.
CLOSED = closed()


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Node]]:
    """The address of a cluster, and one of its two nodes with a core each."""
    for name, value in CLOSED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    # As Ray does itself where the variables come after its import.
    pytest.importorskip("ray._raylet").Config.initialize("")
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    # Where the clones are, and Ray's sockets, whose paths must be short.
    temporary = tempfile.mkdtemp(prefix="ray")
    monkeypatch.setenv("TMPDIR", temporary)
    cluster = cluster_utils.Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    try:
        yield cluster.address, Node(cluster, cluster.add_node(num_cpus=1))
    finally:
        cluster.shutdown()
        shutil.rmtree(temporary, ignore_errors=True)


def trainer(runs: Path, node: Node) -> Path | None:
    """The folder of a training on a node that has left a state to resume from."""
    for state in runs.glob("*/progress-*.ckpt"):
        if node.holds((state.parent / "lock").resolve()):
            return state.parent
    return None


def log_of(clone: Clone, name: str) -> str:
    return (clone.folder / "runs" / "sweep" / f"{name}.log").read_text()


@pytest.mark.slow
def test_a_lost_run_resumes_elsewhere_and_a_finished_one_is_not_repeated(
    nodes: tuple[str, Node], tmp_path: Path
) -> None:
    address, node = nodes
    (tmp_path / "here").mkdir()
    clone = Clone(tmp_path / "here")
    clone("git", "init", "--quiet", "--bare", str(tmp_path / "hub.git"))
    clone("git", "remote", "add", "hub", str(tmp_path / "hub.git"))
    clone("dvc", "remote", "add", "--local", "--default", "store", str(tmp_path / "store"))
    clone("dvc", "repro", "generate")
    clone.commit()
    clone("git", "push", "--quiet", "hub", "HEAD")
    clone("dvc", "push")
    runs = tmp_path / "shared" / "runs"
    command = ["python", "-m", "src.sweep", "--address", address, "--git-remote", "hub"]
    command += ["--runs-dir", str(runs), *FLAGS]

    sweep = clone.start(*command, "--models", "llama2,mixtral")
    while not (lost := trainer(runs, node)):
        time.sleep(0.01)
        assert sweep.poll() is None, sweep.communicate()
    node.lose()
    said, _ = sweep.communicate(timeout=300)
    assert sweep.returncode == 0, said
    assert f"the Ray cluster at {address} is protected by its token" in said
    (name,) = (name for name in NAMES if name.startswith(lost.name.partition("-")[0]))
    assert "is lost; what ran there starts again elsewhere" in said
    assert f"{name}: resuming after step" in said
    assert said.count(f"{name}: starts on") == 2
    for each in NAMES:
        assert said.count(f"{each}: finished\n") == 1
        log = log_of(clone, each)
        assert "Stage 'generate' didn't change, skipping" in log
        assert ("resuming after step" in log) == (each == name)
    # Killed and finished runs have removed their clones.
    assert not list(Path(os.environ["TMPDIR"]).glob("sweep-*"))

    shown = json.loads(clone("dvc", "exp", "show", "--json"))
    (baseline,) = (entry for entry in shown if entry["rev"] != "workspace")
    assert {experiment["name"] for experiment in baseline["experiments"]} == set(NAMES)
    compared = clone("python", "-m", "src.compare")
    assert all(f"| {each} | {each.partition('-')[0]} | 0 |" in compared for each in NAMES)
    tables = clone.folder / "runs" / "comparison" / "comparison.json"
    assert len(json.loads(tables.read_text())["pairs"]) == 1
    clone("git", "checkout", "--quiet", ".")

    said = clone(*command, "--models", "gpt2,llama2,mixtral", code=1)
    for each in NAMES:
        assert f"{each}: finished before\n" in said
        assert f"{each}: starts" not in said
    failed = "gpt2-seed0-max_seq_len-8-max_steps-400"
    assert f"{failed}: failed\n1 failed:\n  {failed}: runs/sweep/{failed}.log\n" in said
    assert "error: " in log_of(clone, failed)
    assert not list(Path(os.environ["TMPDIR"]).glob("sweep-*"))

    # The DVC remote has lost the files, or is another folder on the machine of the run.
    clone("dvc", "exp", "remove", NAMES[0])
    for folder in (tmp_path / "store", clone.folder / ".dvc" / "cache"):
        shutil.rmtree(folder)
    said = clone(*command, "--models", "llama2", code=1)
    assert f"{NAMES[0]}: finished before\n1 failed:\n  {NAMES[0]}: " in said
    assert "do not exist neither locally nor on remote" in log_of(clone, NAMES[0])
