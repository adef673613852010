"""Put right what a kill or a power cut left of DVC's and git's own files.

    python -m scripts.repair

DVC writes dvc.lock and its lists of files in use and of queued experiments in place, and none of
its commands works while one of them cannot be read. Nothing is lost with them but experiments that
wait in the queue: git has dvc.lock of the last commit, and DVC's run cache the runs since. DVC and
git also wait for the locks of processes that are gone, and DVC for tasks that nothing runs.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from src.common.errors import UserError
from src.common.files import ROOT, open_replacing
from src.terminal.cli import Parser, run

from .dead_tasks import fail_dead_tasks
from .stale_locks import release_git_locks, release_rwlock

# Of the files that DVC and its queue write in place, those of JSON; below .dvc/tmp.
RWLOCKS = ("rwlock", "exps/rwlock")
QUEUE_FILES = ("exps/celery/broker/*/*", "exps/run/*/*.json", "exps/run/*/*.run")


def repair(root: Path) -> list[str]:
    """Restore, remove or mark what keeps DVC and git from their work, and belongs to nobody.

    Args:
        root: the repository.

    Returns:
        A line for each thing found.

    Raises:
        UserError: if there is no DVC here, or it is at work on the same files.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            lines = _remove_cut_off(root)
            lines += release_git_locks(root)
            for name in RWLOCKS:
                lines += release_rwlock(Path(repo.tmp_dir, name), repo)
            lines += fail_dead_tasks(repo)
            return lines + _restore_dvc_lock(root, repo)
    except DvcException as error:
        raise UserError(str(error)) from None


def _remove_cut_off(root: Path) -> list[str]:
    """Remove DVC's temporary files of JSON that cannot be read."""
    lines = []
    for pattern in (*RWLOCKS, *QUEUE_FILES):
        for path in sorted((root / ".dvc" / "tmp").glob(pattern)):
            if _is_broken(path, partial(_read_json, path), ValueError):
                path.unlink()
                lines.append(f"{path.relative_to(root)}: was cut off; removed")
    return lines


def _read_json(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None  # a worker has moved its message


def _restore_dvc_lock(root: Path, repo: Any) -> list[str]:
    """Replace a dvc.lock that cannot be read by that of the last commit."""
    from dvc.dvcfile import Lockfile
    from dvc.exceptions import DvcException

    lock = root / "dvc.lock"
    broken = _is_broken(lock, Lockfile(repo, str(lock)).load, DvcException)
    # With the marks of a merge conflict, the user has to choose.
    if not broken or b"<<<<<<<" in lock.read_bytes():
        return []
    command = ["git", "show", "HEAD:./dvc.lock"]
    git = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if git.returncode:
        lock.unlink()
    else:
        with open_replacing(lock) as file:
            file.write(git.stdout)
    how = "removed" if git.returncode else "as in the last commit again"
    return [f"dvc.lock: was cut off; {how}. dvc repro takes later runs from its cache"]


def _is_broken(path: Path, read: Callable[[], object], error: type[Exception]) -> bool:
    if not path.exists():
        return False
    # Twice, as a file that another command of DVC is writing is unreadable for a moment too.
    for wait in (1, 0):
        try:
            read()
        except error:
            time.sleep(wait)
        else:
            return False
    return True


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser("scripts.repair", "Put right what a kill left of DVC's and git's files.")
    parser.parse_args(argv)
    for line in repair(ROOT):
        print(line)


if __name__ == "__main__":
    run(main)
