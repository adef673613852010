"""Which run a checkpoint belongs to, as far as dvc.lock proves it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from .files import CHECKPOINT, DATA_DIR, METRICS_DIR, MODELS_DIR
from .yaml_reader import read_yaml

EVALUATION = METRICS_DIR / "eval.json"
# What the evaluate stage grades, and commands read where no other is named.
_LOCK = Path("dvc.lock")


def recorded(checkpoint: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The `data:` section of params.yaml that a run had, and what its evaluation found.

    Both are empty unless dvc.lock says that this very checkpoint came of the one and is what the
    other graded: a checkpoint of another run lies there at times, and older figures beside it.
    """
    try:
        lock = read_yaml(_LOCK)["stages"]
        generate, train, evaluate = (lock[name] for name in ("generate", "train", "evaluate"))
        data, models = DATA_DIR.as_posix(), MODELS_DIR.as_posix()
        proven = (
            checkpoint.resolve() == CHECKPOINT.resolve()
            and _of(generate["outs"], data) == _of(train["deps"], data)
            and _of(train["outs"], models) == _of(evaluate["deps"], models)
            and _of(train["outs"], models) == _folder_hash(MODELS_DIR)
            and _of(evaluate["outs"], EVALUATION.as_posix()) == _hash(EVALUATION.read_bytes())
        )
        if not proven:
            return {}, {}
        return generate["params"]["params.yaml"]["data"], json.loads(EVALUATION.read_text())
    except (OSError, KeyError, TypeError, ValueError):
        # Not a repository of this pipeline, or one that was never run.
        return {}, {}


def _of(entries: list[dict[str, Any]], path: str) -> str:
    """The hash of one output or dependency."""
    (found,) = (str(entry["md5"]) for entry in entries if entry["path"] == path)
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
