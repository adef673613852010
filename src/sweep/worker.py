"""One run of a sweep: in a fresh clone, and its result brought back.

Imports nothing of this repository but `process_group`: both modules are sent to the machines of a
cluster by value, so that these need no copy of the repository.
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

# Beginnings of the lines that whoever waits for a cluster's runs sees at once.
_NEWS = ("starts on ", "waits for ", "step ", "resuming ")
# How a repository takes an experiment: on the disk before its name is, or a power cut could leave
# the name alone; and without a clean-up of the repository behind it, which a kill would interrupt.
_RECEIVE = "git -c core.fsync=all -c receive.autogc=false receive-pack"


@dataclass(frozen=True)
class Job:
    """What all runs of a sweep have in common.

    Attributes:
        git_url: address of the git remote, as the machines reach it; for runs on this machine, the
            repository itself.
        commit: the commit that each run starts from.
        refs: prefix of the git refs of the experiments on that commit.
        dvc_config: content of .dvc/config.local, which names the DVC remote; for runs on this
            machine, the repository's cache.
        runs_dir: a folder that all attempts share, where a training keeps its state, for the next
            attempt to resume from; None: the state is in the clone and is deleted with it.
        cpus: threads of a run.
        gpus: GPUs of a run; 0 hides those of the machine. Runs on this machine share them all.
        clones: the folder of the clones, for runs on this machine, whose experiments go straight
            into the repository and its cache; None: a temporary folder, and through the remotes.
        prefix: folder of the pipeline within the repository; empty if it is the repository.
        force: whether all stages run, also where DVC has their results from before.
    """

    git_url: str
    commit: str
    refs: str
    dvc_config: str
    runs_dir: str | None
    cpus: int
    gpus: float
    clones: str | None = None
    prefix: str = ""
    force: bool = False


def run_and_collect(
    job: Job, name: str, overrides: tuple[str, ...], tell: Callable[[str], object]
) -> tuple[bool, str]:
    """As `run`, for a task of a cluster.

    Args:
        tell: called with each line that whoever waits for the sweep should see.

    Returns:
        Whether the git remote has the experiment now, and the output of all commands.
    """
    log = []

    def listen(line: str) -> None:
        log.append(line)
        if line.startswith(_NEWS):
            tell(f"{name}: {line.rstrip()}")

    return run(job, name, overrides, listen), "".join(log)


def run(job: Job, name: str, overrides: tuple[str, ...], listen: Callable[[str], None]) -> bool:
    """Run one experiment and bring it back.

    With remotes, one that the git remote has already is not run. The files are pushed before the
    experiment, so that one which the git remote has is complete.

    Args:
        name: of the experiment.
        overrides: ``key=value``, as `dvc exp run --set-param` takes them.
        listen: called with each line of the output of all commands.

    Returns:
        Whether the experiment is there now.
    """
    place = Path(tempfile.mkdtemp(prefix="sweep-", dir=job.clones))
    clone = place / "clone"
    folder = clone / job.prefix
    environment = _environment(job, place)
    git, dvc = ("git",), (sys.executable, "-m", "dvc")
    ref = f"{job.refs}{name}"
    presence = (*git, "ls-remote", "--exit-code", job.git_url, ref)

    def wait() -> None:
        listen("waits for its last attempt to end\n")

    with tethered(place, _lock(job, name, place), wait) as call:

        def succeeds(*command: str, folder: Path = folder) -> bool:
            listen(f"$ {' '.join(command)}\n")
            return call(list(command), folder, environment, listen) == 0

        if not job.clones and succeeds(*presence, folder=place):
            return True
        listen(f"starts on {socket.gethostname()}\n")
        source = ("--quiet", "--no-checkout", job.git_url, str(clone))
        if not succeeds(*git, "clone", *source, folder=place):
            return False
        if not succeeds(*git, "checkout", "--quiet", "--detach", job.commit, folder=clone):
            return False
        _configure(folder, job)
        changes = [word for change in overrides for word in ("--set-param", change)]
        forced = ("--force",) if job.force else ()
        experiment = (*dvc, "exp", "run", "--name", name, *forced, *changes)
        if job.clones:
            if not succeeds(*experiment):
                return False
            os.sync()  # the files in the cache, before the experiment that names them
            push = ("push", "--quiet", f"--receive-pack={_RECEIVE}")
            return succeeds(*git, *push, job.git_url, f"+{ref}:{ref}")
        # Where nobody pushed the data, the run generates it.
        succeeds(*dvc, "pull", "--quiet", "--allow-missing", "generate")
        if succeeds(*experiment) and succeeds(*dvc, "push"):
            succeeds(*dvc, "exp", "push", "origin", name)
        # Not DVC's exit code, which is also 0 where another attempt pushed first.
        return succeeds(*presence)


def _lock(job: Job, name: str, place: Path) -> Path | None:
    """What an attempt holds as long as any of its commands lives."""
    if job.clones:
        return place / "lock"
    if job.runs_dir:
        return Path(job.runs_dir, "sweep", f"{name}-{job.commit[:12]}.lock")
    return None


def _environment(job: Job, place: Path) -> dict[str, str]:
    # Variables that DVC, git or make set for this repository would mislead commands in another; and
    # among those of Ray is the token of the cluster.
    outer = ("DVC_", "GIT_", "MAKE", "MFLAGS", "RAY_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(outer)}
    environment |= {
        # DVC starts a stage as `python`.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "OMP_NUM_THREADS": str(job.cpus),
        # By default DVC would leave a folder in /var/tmp for each clone.
        "DVC_SITE_CACHE_DIR": str(place / "site"),
        "GIT_TERMINAL_PROMPT": "0",
    }
    if not job.gpus and not job.clones:
        # Ray itself sets this only for a task that asked for GPUs.
        environment["CUDA_VISIBLE_DEVICES"] = ""
    return environment


def _configure(folder: Path, job: Job) -> None:
    """Give a clone the DVC remote or the cache, and the shared folder in place of its own runs/."""
    config = folder / ".dvc" / "config.local"
    config.touch(mode=0o600)  # it may hold credentials
    config.write_text(job.dvc_config, encoding="utf-8")
    if job.runs_dir:
        (folder / "runs").symlink_to(job.runs_dir)
