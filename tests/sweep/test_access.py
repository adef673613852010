"""Nobody else reaches a sweep's cluster or its files; one on other machines asks for a token."""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address
from pathlib import Path

import psutil
import pytest

from ..clone import wait_for
from ..conftest import ROOT

pytestmark = pytest.mark.slow

# A sweep's cluster, at the address or here, on which a task has run, until standard input ends.
JOINED = """
import sys
from src.sweep.cluster import connected
from src.sweep.worker import Job
from src.terminal.cli import run

def main():
    with connected(sys.argv[1], Job("url", "commit", "refs", "", None, 1, 0)):
        import ray
        assert ray.get(ray.remote(lambda: "worked").remote()) == "worked"
        print(ray.get_runtime_context().gcs_address, flush=True)
        sys.stdin.read()

sys.argv[1:] = sys.argv[1:] or [None]
run(main)
"""
# As `ray start` does on several machines.
STARTED = """
import sys
from ray.cluster_utils import Cluster

node = {"num_cpus": 1, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args=node)
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home with a folder for temporary files, of a short path for Ray's sockets."""
    home = Path(tempfile.mkdtemp(prefix="h"))
    (home / "tmp").mkdir()
    for name in [name for name in os.environ if name.startswith("RAY_")]:
        monkeypatch.delenv(name)
    for name, value in {"HOME": str(home), "TMPDIR": str(home / "tmp")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    yield home
    shutil.rmtree(home)


@contextmanager
def running(code: str, **variables: str) -> "Iterator[tuple[psutil.Process, str]]":
    """A Python process that has said its cluster's address, and the address."""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        address = process.stdout.readline().strip()
        assert address, process.wait()
        yield psutil.Process(process.pid), address
    finally:
        process.stdin.close()
        process.stdout.read()
        process.stdout.close()
        assert process.wait(60) == 0


def joined(address: str, **variables: str) -> tuple[int, str]:
    """The exit code of a sweep that joins a cluster, and what it says on stderr."""
    done = subprocess.run(
        [sys.executable, "-c", JOINED, address],
        cwd=ROOT,
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def is_loopback(address: str) -> bool:
    found = ip_address(address)
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return (mapped or found).is_loopback


def test_a_cluster_here_is_on_loopback_has_a_token_and_leaves_no_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Or Ray would look for a loopback address at the machine's other one.
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    with running(JOINED) as (sweep, address):
        its_own = sweep.children(recursive=True)
        (token,) = {p.environ().get("RAY_AUTH_TOKEN") for p in its_own} - {None}
        everywhere = [p for p in psutil.process_iter(["environ"]) if p.info["environ"]]
        having = [p for p in everywhere if p.info["environ"].get("RAY_AUTH_TOKEN") == token]
        processes = {sweep, *its_own, *having}
        listening = {
            (process.name(), each.laddr.ip)
            for process in processes
            for each in process.net_connections("inet")
            if each.status == psutil.CONN_LISTEN
        }
        assert {"gcs_server", "raylet", "ray::RuntimeEnvAgent"} <= {name for name, _ in listening}
        assert [name for name, ip in listening if not is_loopback(ip)] == []

        (folder,) = (home / "tmp").iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert list(folder.glob("ray/session_*/logs/*"))
        assert list(home.iterdir()) == [home / "tmp"]
        assert not [process for process in processes if token in " ".join(process.cmdline())]

        for variables in (
            {"RAY_AUTH_MODE": "disabled"},
            {"RAY_AUTH_TOKEN": secrets.token_hex(32)},
            {},
        ):
            code, said = joined(address, **variables)
            assert code == 2
            assert said.startswith(f"error: no Ray cluster at {address} that lets this user in: ")
        code, said = joined(address, RAY_AUTH_TOKEN=token)
        assert code == 0
        assert said.splitlines()[0].startswith(
            f"the Ray cluster at {address} is protected by its token"
        )
    wait_for(lambda: not [process for process in processes if process.is_running()])
    assert not list((home / "tmp").iterdir())


def test_a_cluster_without_a_token_is_joined_only_by_who_says_so(home: Path) -> None:
    with running(STARTED, RAY_AUTH_MODE="disabled") as (_, address):
        code, said = joined(address)
        assert code == 2
        assert said.startswith(f"error: the Ray cluster at {address} lets in whoever reaches its ")
        assert len(said.splitlines()) == 1
        code, said = joined(address, RAY_AUTH_MODE="disabled")
        assert code == 0
        assert said.startswith(f"the Ray cluster at {address} is not protected: ")
