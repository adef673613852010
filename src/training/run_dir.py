"""The folder of one training run, outside DVC's outputs: its lock, and checkpoints to resume from.

A run is known by its content, so another architecture, training or data set never resumes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..common import folders
from ..common.checkpoint_files import PROGRESS
from ..config import Params
from ..data.records import Records
from ..terminal.say import note

_HASHED = 2**16  # rows
_KEPT = 2  # the newest, and one to fall back on


def run_name(params: Params, splits: Mapping[str, Records], init_sha256: str | None = None) -> str:
    """The architecture, and a hash of everything but the code that decides the weights.

    With FSDP the state of a running training has another layout, and a folder of its own.

    Args:
        init_sha256: hash of the weights that `training.init_from` names.
    """
    digest = hashlib.sha256()
    training = params.training.to_plain() | {"init_from": init_sha256}
    for section in (params.model_config_in_use.to_plain(), training):
        digest.update(json.dumps(section, sort_keys=True).encode())
    for split in ("train", "val"):
        tokens = splits[split].tokens
        digest.update(repr(tokens.shape).encode())
        for start in range(0, len(tokens), _HASHED):
            digest.update(tokens[start : start + _HASHED].tobytes())
    apart = "-fsdp" if params.runtime.strategy == "fsdp" else ""
    return f"{params.model}-{digest.hexdigest()[:12]}{apart}"


@contextmanager
def locked(run_dir: Path) -> Iterator[None]:
    """Lock a run's folder for this process; the system releases it when the process ends.

    Raises:
        UserError: if another process holds it, with its id.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    # A file, not the folder: hosts that share a network file system see each other's.
    with folders.locked(run_dir / "lock", run_dir, "is training this run"):
        yield


def save_progress(run_dir: Path, step: int, write: Callable[[Path], None]) -> None:
    """Keep the state after an optimizer step; the file appears whole or not at all.

    Its name carries a hash of its bytes: PyTorch reads a damaged file without noticing.

    Args:
        write: writes the state to the path that it is given.
    """
    temporary = run_dir / f".progress.{os.getpid()}.tmp"
    try:
        write(temporary)
        name = f"progress-{step:09d}-{_digest(temporary)}.ckpt"
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(run_dir / name)
    finally:
        temporary.unlink(missing_ok=True)
    for old in _saved(run_dir)[_KEPT:]:
        old.unlink()


def latest_progress(run_dir: Path) -> Path | None:
    """The newest undamaged state; a damaged one is set aside with a message."""
    for path in _saved(run_dir):
        match = PROGRESS.fullmatch(path.name)
        if match and match["digest"] == _digest(path):
            return path
        aside = path.with_suffix(".damaged")
        path.replace(aside)
        note(f"{path} is damaged; set aside as {aside.name}")
    return None


def step_of(progress: Path) -> int:
    """The optimizer step after which a state was saved."""
    return int(progress.name.split("-")[1])


def clear(run_dir: Path, keep: Sequence[str] = ("lock",)) -> None:
    """Remove what a run has left in its folder."""
    for path in run_dir.iterdir():
        if path.name in keep:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _saved(run_dir: Path) -> list[Path]:
    """Newest first."""
    return sorted((p for p in run_dir.iterdir() if PROGRESS.fullmatch(p.name)), reverse=True)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
