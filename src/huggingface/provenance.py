"""What the evaluate stage found of a checkpoint, as far as dvc.lock proves it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ..common.files import CHECKPOINT, METRICS_DIR, MODELS_DIR
from ..common.yaml_1_2 import read_yaml

EVALUATION = METRICS_DIR / "eval.json"
_LOCK = Path("dvc.lock")


def evaluated(checkpoint: Path) -> dict[str, Any]:
    """What eval.json holds; empty unless dvc.lock says that this very checkpoint was graded.

    A checkpoint of another run lies there at times, and older figures beside it.
    """
    try:
        stage = read_yaml(_LOCK)["stages"]["evaluate"]
        content = EVALUATION.read_bytes()
        figures = json.loads(content)
        proven = (
            checkpoint.resolve() == CHECKPOINT.resolve()
            and _of(stage["deps"], MODELS_DIR) == _folder_hash(MODELS_DIR)
            and _of(stage["outs"], EVALUATION) == _hash(content)
            # Otherwise it was of other weights, or of answers that were drawn.
            and not {"weights", "temperature"} & figures.keys()
        )
        return figures if proven else {}
    except (OSError, KeyError, TypeError, ValueError, RecursionError):
        # Not a repository of this pipeline, or one that was never run.
        return {}


def _of(entries: list[dict[str, Any]], path: Path) -> str:
    """The hash of one output or dependency."""
    (found,) = (str(entry["md5"]) for entry in entries if entry["path"] == path.as_posix())
    return found


def _hash(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _folder_hash(folder: Path) -> str:
    """As DVC computes it: the hash of the list of hashes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    entries = [
        {"md5": _hash(path.read_bytes()), "relpath": path.relative_to(folder).as_posix()}
        for path in files
    ]
    return _hash(json.dumps(entries, sort_keys=True).encode()) + ".dir"
