"""Put right what a kill or a power cut left half-written of DVC's own files.

    python -m scripts.repair

DVC writes dvc.lock and .dvc/tmp/rwlock in place, and no command of it works while either of them
cannot be read. Neither holds what is nowhere else: dvc.lock is in git, and what ran since the last
commit is in DVC's cache of runs; rwlock says which processes work on which files now.
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
    """Restore or remove DVC's files that DVC cannot read.

    Args:
        root: of the repository.

    Returns:
        A line for each.
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
    # Where a merge left its marks, somebody has to choose.
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
    # Unreadable at a moment is also what another command of DVC is writing.
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
    parser = Parser("scripts.repair", "Put right what a kill left half-written of DVC's own files.")
    parser.parse_args(argv)
    for line in repair(ROOT):
        print(line)


if __name__ == "__main__":
    run(main)
