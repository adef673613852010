"""The names of checkpoints: of finished trainings, and of states of running ones."""

from __future__ import annotations

import re
from pathlib import Path

from .errors import UserError

# The state of a running training, with the hash of its bytes.
PROGRESS = re.compile(r"progress-(?P<step>[0-9]{9})-(?P<digest>[0-9a-f]{16})\.ckpt")
# What Lightning keeps of the validations with the lowest losses.
_GRADED = re.compile(r"step=(?P<step>[0-9]+)\.ckpt")
# What a finished training keeps beside best.ckpt and last.ckpt, where it is to keep several.
RUNNER_UP = re.compile(r"best-(?P<number>[0-9]+)\.ckpt")
# And of the steps that `training.snapshots` names.
SNAPSHOT = re.compile(r"snapshot-(?P<number>[0-9]+)\.ckpt")


def find_checkpoint(path: Path) -> Path:
    """The checkpoint file that a path means.

    Of a folder it is best.ckpt, which a finished training leaves, or else the newest state of a
    training that is running or was interrupted.

    Raises:
        UserError: for a folder without one.
    """
    if not path.is_dir():
        return path
    best = path / "best.ckpt"
    if best.exists():
        return best
    states = [
        (int(match["step"]), state)
        for state in (*path.iterdir(), *path.glob("checkpoints/*"))
        if (match := PROGRESS.fullmatch(state.name) or _GRADED.fullmatch(state.name))
    ]
    if not states:
        raise UserError(f"{path}: no best.ckpt in it, and no state of a running training")
    return max(states)[1]


def runners_up(folder: Path) -> list[Path]:
    """best-2.ckpt, best-3.ckpt and so on of a folder, as far as they are there."""
    return list(_numbered(folder, RUNNER_UP).values())


def snapshots(folder: Path) -> dict[int, Path]:
    """The weights that a training has kept of steps on its way, by step."""
    return _numbered(folder, SNAPSHOT)


def _numbered(folder: Path, name: re.Pattern[str]) -> dict[int, Path]:
    found = ((name.fullmatch(path.name), path) for path in folder.iterdir())
    return dict(sorted((int(match["number"]), path) for match, path in found if match))
