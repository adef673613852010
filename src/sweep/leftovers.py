"""What a sweep on this machine leaves behind when it is killed, or the power goes.

Its clones, with commands that may still run in them; git's lock on an experiment's name, and
objects on their way into the repository; files of DVC's cache that were not yet whole, or not yet
on the disk.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..common.errors import UserError
from ..common.folders import locked
from ..common.yaml_1_2 import read_yaml

# So long no process holds a lock on a git ref, and none takes to bring a file into the repository
# or into DVC's cache; other processes may be doing either.
_LOCK_SECONDS = 2.0
_FILE_SECONDS = 3600.0


@contextmanager
def alone(folder: Path) -> Iterator[float]:
    """Hold the lock of a folder of clones, for one sweep at a time.

    Yields:
        The time at which the sweep before began, in seconds since 1970, until
        `remove_leftovers` has put this one's in its place.

    Raises:
        UserError: if another sweep holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "lock"
    with locked(lock, folder, "runs a sweep of this repository"):
        yield lock.stat().st_mtime


def remove_leftovers(folder: Path, cache: Path, git_dir: Path, since: float) -> None:
    """Remove what an earlier sweep has left; there must be none that runs, see `alone`.

    Args:
        folder: of the clones.
        cache: DVC's.
        git_dir: git's folder in the repository.
        since: when the earlier sweep began, in seconds since 1970.
    """
    places = [place for place in folder.iterdir() if place.is_dir()]
    for place in places:
        _wait_for_watcher(place)
        end_commands(place)
    _remove_old([*cache.glob("files/md5/??/.*.tmp")])
    _remove_old([*git_dir.glob("objects/tmp_objdir-incoming-*")])
    if places:
        _remove_damaged(cache, since)
    for place in places:
        shutil.rmtree(place)
    for lock in (git_dir / "refs" / "exps").rglob("*.lock"):
        with suppress(FileNotFoundError):
            time.sleep(max(0.0, lock.stat().st_mtime + _LOCK_SECONDS - time.time()))
            lock.unlink()
    # Only now: killed before, the next call has the same to do.
    (folder / "lock").touch()


def _remove_old(paths: list[Path]) -> None:
    """Remove files and folders that nobody can be writing any more."""
    for path in paths:
        with suppress(FileNotFoundError):
            if path.stat().st_ctime < time.time() - _FILE_SECONDS:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _wait_for_watcher(place: Path) -> None:
    """Until the process that ends a killed run's commands has done so, if that one lives."""
    with suppress(FileNotFoundError), (place / "lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def end_commands(place: Path) -> None:
    """Kill the commands that runs have started in a folder, with all that these have started."""
    # It comes with DVC, and takes its time to import.
    import psutil

    def started() -> list[psutil.Process]:
        # By a variable that only they have, as a user's shell may stand in the folder as well.
        return [
            process
            for process in psutil.process_iter(["environ"])
            if (process.info["environ"] or {}).get("DVC_SITE_CACHE_DIR", "").startswith(f"{place}/")
        ]

    while processes := started():
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        # Not by waiting for each: that would take a child's exit code from who started it.
        time.sleep(0.05)


def _remove_damaged(cache: Path, since: float) -> None:
    """Remove files that have come into DVC's cache since a time without their whole content.

    After a power cut a file may have its name and not what was written to it. DVC looks at no file
    of its cache that is read-only, and would give an empty one for a trained model.
    """
    for path in cache.glob("files/md5/??/*"):
        if path.stat().st_ctime >= since and not path.name.endswith(".tmp"):
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "md5").hexdigest()
            if found != path.parent.name + path.name.removesuffix(".dir"):
                path.unlink()
    # What stages made, in folders named by what they read.
    for path in cache.glob("runs/??/*/*"):
        if path.stat().st_ctime >= since and _key_of(path) != path.parent.name:
            path.unlink()


def _key_of(entry: Path) -> str:
    """The name of an entry's folder, made of what its stage read; empty if it is damaged."""
    from dvc.stage.cache import _get_cache_hash

    try:
        key: str = _get_cache_hash(read_yaml(entry), key=True)
    except (UserError, AttributeError, KeyError, TypeError):
        return ""
    return key
