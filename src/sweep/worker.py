"""One run of a sweep on a machine of the cluster: in a fresh clone, from the remotes and back.

Imports nothing of this repository but `process_group`: both modules are sent to the machines by
value, so that these need no copy of the repository.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .process_group import tethered

# Beginnings of the lines of a run's output that whoever waits for the sweep sees at once.
_NEWS = ("step ", "resuming ")


@dataclass(frozen=True)
class Job:
    """What all runs of a sweep have in common.

    Attributes:
        git_url: address of the git remote, as the machines reach it.
        commit: the commit that each run starts from.
        refs: prefix of the git refs under which the remote keeps experiments on that commit.
        dvc_config: content of .dvc/config.local, which names the DVC remote.
        runs_dir: a folder that all machines share, where a training keeps its state, for the next
            attempt to resume from; None: the state is in the clone and is deleted with it.
        cpus: threads of a run.
        gpus: GPUs of a run; 0 hides those of the machine.
    """

    git_url: str
    commit: str
    refs: str
    dvc_config: str
    runs_dir: str | None
    cpus: int
    gpus: float


def run(
    job: Job, name: str, overrides: tuple[str, ...], tell: Callable[[str], object]
) -> tuple[bool, str]:
    """Run one experiment and push it, unless the git remote has it already.

    The files are pushed before the experiment, so that one which the git remote has is complete.

    Args:
        name: of the experiment.
        overrides: ``key=value``, as `dvc exp run --set-param` takes them.
        tell: called with each line that whoever waits for the sweep should see.

    Returns:
        Whether the git remote has the experiment now, and the output of all commands.
    """
    place = Path(tempfile.mkdtemp(prefix="sweep-"))
    clone, log = place / "clone", [f"on {socket.gethostname()}\n"]
    lock = Path(job.runs_dir, "sweep", f"{name}-{job.commit[:12]}.lock") if job.runs_dir else None
    environment = _environment(job, place)
    git, dvc = ("git",), (sys.executable, "-m", "dvc")
    presence = (*git, "ls-remote", "--exit-code", job.git_url, f"{job.refs}{name}")

    def listen(line: str) -> None:
        log.append(line)
        if line.startswith(_NEWS):
            tell(f"{name}: {line.rstrip()}")

    with tethered(place, lock, lambda: tell(f"{name}: waits for its last attempt to end")) as call:

        def succeeds(*command: str, folder: Path = clone) -> bool:
            listen(f"$ {' '.join(command)}\n")
            return call(list(command), folder, environment, listen) == 0

        if succeeds(*presence, folder=place):
            return True, "".join(log)
        tell(f"{name}: starts on {socket.gethostname()}")
        source = ("--quiet", "--no-checkout", job.git_url, str(clone))
        cloned = succeeds(*git, "clone", *source, folder=place)
        if cloned and succeeds(*git, "checkout", "--quiet", "--detach", job.commit):
            _configure(clone, job)
            # Where nobody pushed the data, the run generates it.
            succeeds(*dvc, "pull", "--quiet", "--allow-missing", "generate")
            changes = [word for change in overrides for word in ("--set-param", change)]
            ran = succeeds(*dvc, "exp", "run", "--name", name, *changes)
            if ran and succeeds(*dvc, "push"):
                succeeds(*dvc, "exp", "push", "origin", name)
        # Not DVC's exit code, which is also 0 where another attempt pushed first.
        return succeeds(*presence, folder=place), "".join(log)


def _environment(job: Job, place: Path) -> dict[str, str]:
    # Variables that DVC, git or make set for this repository would mislead commands in another.
    outer = ("DVC_", "GIT_", "MAKE", "MFLAGS")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(outer)}
    environment |= {
        # DVC starts a stage as `python`.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "OMP_NUM_THREADS": str(job.cpus),
        # By default DVC would leave a folder in /var/tmp for each clone.
        "DVC_SITE_CACHE_DIR": str(place / "site"),
        "GIT_TERMINAL_PROMPT": "0",
    }
    if not job.gpus:
        # Ray itself sets this only for a task that asked for GPUs.
        environment["CUDA_VISIBLE_DEVICES"] = ""
    return environment


def _configure(clone: Path, job: Job) -> None:
    """Give a clone the DVC remote, and the shared folder in place of its own runs/."""
    config = clone / ".dvc" / "config.local"
    config.touch(mode=0o600)  # it may hold credentials
    config.write_text(job.dvc_config, encoding="utf-8")
    if job.runs_dir:
        (clone / "runs").symlink_to(job.runs_dir)
