"""Repair DVC's own files that a kill or a power cut left half-written.

    python -m scripts.repair

DVC writes dvc.lock and .dvc/tmp/rwlock in place, and none of its commands works while one of them
cannot be read. Nothing is lost with them: git has dvc.lock of the last commit, and DVC's run cache
the runs since; rwlock only lists the files that running processes work on.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from src.common.files import ROOT, open_replacing
from src.terminal.cli import Parser, run


def repair(root: Path) -> list[str]:
    """Restore or remove those of DVC's files that DVC cannot read.

    Args:
        root: the repository.

    Returns:
        A line for each of them.
    """
    from dvc.dvcfile import Lockfile
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    done = []
    running = root / ".dvc" / "tmp" / "rwlock"
    if _is_broken(running, lambda: json.loads(running.read_bytes()), ValueError):
        running.unlink()
        done.append(f"{running.relative_to(root)}: was cut off; removed")

    lock = root / "dvc.lock"
    with Repo(str(root)) as repo:
        broken = _is_broken(lock, Lockfile(repo, str(lock)).load, DvcException)
    # With the marks of a merge conflict, the user has to choose.
    if broken and b"<<<<<<<" not in lock.read_bytes():
        command = ["git", "show", "HEAD:./dvc.lock"]
        git = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        if git.returncode:
            lock.unlink()
        else:
            with open_replacing(lock) as file:
                file.write(git.stdout)
        how = "removed" if git.returncode else "as in the last commit again"
        done.append(f"dvc.lock: was cut off; {how}. dvc repro takes later runs from its cache")
    return done


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
    parser = Parser("scripts.repair", "Repair DVC's own files that a kill left half-written.")
    parser.parse_args(argv)
    for line in repair(ROOT):
        print(line)


if __name__ == "__main__":
    run(main)
