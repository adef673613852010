"""One run of a sweep on whatever machine: in a clone of its own, from the remotes and back.

Nothing of this repository is imported here but `tether`: both go to the machines by value, which
need no copy of it.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .process_group import Call, tethered

# Of what a run says, what the one who waits for the sweep wants to see.
_NEWS = ("step ", "resuming ")


@dataclass(frozen=True)
class Job:
    """What all runs of a sweep share.

    Attributes:
        git_url: of the git remote, as the machines reach it.
        commit: what each run starts from.
        refs: where the remote keeps the experiments on that commit.
        dvc_config: the DVC remote, as .dvc/config.local has it.
        runs_dir: a folder that keeps the state of a running training for the next attempt, the
            same on all machines; None: it goes with the clone.
        cpus: threads of a run.
        gpus: 0 hides those of the machine.
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
    """Run one experiment and push it, unless that has been done.

    The files are pushed before the experiment: where the git remote has it, it is complete.

    Args:
        overrides: ``key=value``, as `dvc exp run` takes them.
        tell: takes a line for the one who waits.

    Returns:
        Whether the git remote has it now, and all that the commands said.
    """
    place = Path(tempfile.mkdtemp(prefix="sweep-"))
    clone, log = place / "clone", [f"on {socket.gethostname()}\n"]
    lock = Path(job.runs_dir, "sweep", f"{name}-{job.commit[:12]}.lock") if job.runs_dir else None

    def listen(line: str) -> None:
        log.append(line)
        if line.startswith(_NEWS):
            tell(f"{name}: {line.rstrip()}")

    with tethered(place, lock, lambda: tell(f"{name}: waits for its last attempt to end")) as call:
        work = _Commands(call, place, _environment(job, place), listen)
        git, dvc = ("git",), (sys.executable, "-m", "dvc")
        presence = (*git, "ls-remote", "--exit-code", job.git_url, f"{job.refs}{name}")
        if work(*presence):
            return True, "".join(log)
        tell(f"{name}: starts on {socket.gethostname()}")
        ready = work(*git, "clone", "--quiet", "--no-checkout", job.git_url, str(clone))
        work.folder = clone
        if ready and work(*git, "checkout", "--quiet", "--detach", job.commit):
            _settle(job, clone)
            # Where nobody pushed the data, the run generates it.
            work(*dvc, "pull", "--quiet", "--allow-missing", "generate")
            changes = [word for change in overrides for word in ("--set-param", change)]
            if work(*dvc, "exp", "run", "--name", name, *changes) and work(*dvc, "push"):
                work(*dvc, "exp", "push", "origin", name)
        # DVC's exit code is 0 as well where another attempt was faster.
        return work(*presence), "".join(log)


class _Commands:
    """Each of them with its words in the log; true if it went well."""

    def __init__(
        self, call: Call, folder: Path, environment: dict[str, str], listen: Callable[[str], None]
    ) -> None:
        self.call, self.folder = call, folder
        self.environment, self.listen = environment, listen

    def __call__(self, *command: str) -> bool:
        self.listen(f"$ {' '.join(command)}\n")
        return self.call(list(command), self.folder, self.environment, self.listen) == 0


def _environment(job: Job, place: Path) -> dict[str, str]:
    # What DVC or make told this process is not meant for the commands of another repository.
    outer = ("DVC_", "GIT_", "MAKE", "MFLAGS")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(outer)}
    environment |= {
        # DVC starts a stage as `python`.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "OMP_NUM_THREADS": str(job.cpus),
        # Otherwise each clone leaves a folder in /var/tmp.
        "DVC_SITE_CACHE_DIR": str(place / "site"),
        "GIT_TERMINAL_PROMPT": "0",
    }
    if not job.gpus:
        # Ray hides them from a task that asked for one only.
        environment["CUDA_VISIBLE_DEVICES"] = ""
    return environment


def _settle(job: Job, clone: Path) -> None:
    """The DVC remote, and the run store in place of the clone's own."""
    config = clone / ".dvc" / "config.local"
    config.touch(mode=0o600)  # it may hold credentials
    config.write_text(job.dvc_config, encoding="utf-8")
    if job.runs_dir:
        (clone / "runs").symlink_to(job.runs_dir)
