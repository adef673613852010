"""Locks of DVC and of git whose owners are gone: a kill or a power cut left them."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from src.common.files import open_replacing

# Of those in a git folder. The first two, and those of refs, stop DVC; all of them stop git.
GIT_LOCKS = ("index", "HEAD", "ORIG_HEAD", "packed-refs", "config", "shallow")
# Seconds for which a lock of git must have been there. Git holds one for longer only while it
# writes, with the file open, or while an editor or a hook runs, as a process that can be seen.
SETTLED = 10.0
# Seconds by which the system's clock may have been set since a process began.
CLOCK = 60.0


def release_rwlock(path: Path, repo: Any) -> list[str]:
    """Remove the entries of processes that are gone from DVC's list of files in use.

    Process ids begin anew with each boot and in each container, so DVC may find a process under
    the id, and would wait for it.

    Args:
        path: .dvc/tmp/rwlock or .dvc/tmp/exps/rwlock.
        repo: the `dvc.repo.Repo`.

    Returns:
        A line for each process.
    """
    from dvc.lock import make_lock

    if not path.exists():
        return []
    hardlink = repo.config["core"].get("hardlink_lock", False)
    # DVC's own lock for changes of this file.
    with make_lock(f"{path}.lock", tmp_dir=str(path.parent), hardlink_lock=hardlink):
        content = json.loads(path.read_bytes())
        written = path.stat().st_mtime
        gone: dict[tuple[int, str], None] = {}

        def kept(owner: dict[str, Any]) -> bool:
            key = (owner["pid"], owner["cmd"])
            if key not in gone and not _is_process(*key, written):
                gone[key] = None
            return key not in gone

        content["write"] = {k: v for k, v in content.get("write", {}).items() if kept(v)}
        read = {k: list(filter(kept, v)) for k, v in content.get("read", {}).items()}
        content["read"] = {k: v for k, v in read.items() if v}
        if gone:
            with open_replacing(path) as file:
                json.dump(content, file)
    shown = os.path.relpath(path, repo.root_dir)
    return [f"{shown}: process {pid} ({cmd}) is gone; released what it held" for pid, cmd in gone]


def _is_process(pid: int, command: str, written: float) -> bool:
    """Whether a process is the one that wrote its id and command into a file.

    Args:
        command: as DVC writes it, the program with its arguments.
        written: when the file was written last, in seconds since 1970.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or process.create_time() > written + CLOCK:
            return False
        words = process.cmdline()
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
    # As `python -m` names the module, and DVC the file; of `python -c` DVC names nothing.
    if "-m" in words:
        after = words.index("-m") + 1
        module, arguments = "".join(words[after : after + 1]), " ".join(words[after + 1 :])
        if module.replace(".", "/") in command and command.endswith(arguments):
            return True
    return command == "-c" or " ".join(words).endswith(command)


def release_git_locks(root: Path) -> list[str]:
    """Remove lock files of git that no living process can own.

    One is kept if a process has it open, if a git is at work in any checkout of the repository, or
    if another user's git is at work somewhere. Any other has to stay as it is for `SETTLED`: a git
    that cannot be seen from here, as in another container, has mostly ended by then.

    Args:
        root: a checkout, or a folder in it.

    Returns:
        A line for each lock that stays.
    """
    places, checkouts = _git_folders(root)
    lines = []
    for lock in _git_locks(places):
        shown = os.path.relpath(lock, root)
        try:
            before = lock.stat()
            age = time.time() - before.st_mtime
            if not age > SETTLED:
                time.sleep(min(SETTLED, SETTLED - age))
            owner = _git_owner(lock, [*places, *checkouts])
            if owner is not None:
                lines.append(f"{shown}: process {owner} may hold it; left alone")
            elif lock.stat().st_mtime_ns == before.st_mtime_ns:
                lock.unlink()
                lines.append(f"{shown}: no git is at work here; removed")
        except FileNotFoundError:
            continue  # its git has ended
    return lines


def _git_folders(root: Path) -> tuple[list[Path], list[Path]]:
    """The folders of this checkout's state and of all checkouts' refs, mostly one; all checkouts.

    None where there is no git repository.
    """
    places = _git(root, "rev-parse", "--git-dir", "--git-common-dir")
    listed = _git(root, "worktree", "list", "--porcelain")
    checkouts = [line.removeprefix("worktree ") for line in listed if line.startswith("worktree ")]
    return sorted({(root / place).resolve() for place in places}), list(map(Path, checkouts))


def _git(folder: Path, *words: str) -> list[str]:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def _git_locks(places: Sequence[Path]) -> list[Path]:
    named = [place / f"{name}.lock" for place in places for name in GIT_LOCKS]
    of_refs = [lock for place in places for lock in sorted((place / "refs").rglob("*.lock"))]
    return [lock for lock in named if lock.exists()] + of_refs


def _git_owner(lock: Path, folders: Sequence[Path]) -> int | None:
    """The id of a process that may hold a lock of git."""
    for process in psutil.process_iter():
        is_git = False
        try:
            is_git = process.name() == "git" or process.name().startswith("git-")
            if is_git and any(Path(process.cwd()).is_relative_to(folder) for folder in folders):
                return process.pid
            if any(file.path == str(lock) for file in process.open_files()):
                return process.pid
        except psutil.AccessDenied:
            if is_git:
                return process.pid
        except psutil.NoSuchProcess:
            continue
    return None
