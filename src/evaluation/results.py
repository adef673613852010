"""The files that an evaluation leaves, the folder for them, and what they are results of."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..common.csv_cells import write_csv
from ..common.errors import UserError
from ..common.files import CHECKPOINTS_DIR, MODELS_DIR, RUNS_DIR, read_bytes
from ..common.folders import filling, inside
from ..common.kinds import check_replaceable

if TYPE_CHECKING:
    import pandas as pd

_RESULTS = re.compile(r"(by_\w+|errors|exhaustive|routing)\.csv|(about|eval)\.json")
# What a training calls its checkpoints: the folder's name says more.
_OF_ANY_TRAINING = re.compile(r"best(-\d+)?|last|progress-.*")


def write_results(
    metrics: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    out_dir: Path,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Each table as a CSV, about.json and eval.json: all appear, or none, see `filling`.

    Args:
        about: what `about` returns; None writes no about.json.
    """
    # Of an earlier evaluation, perhaps of another model, are the tables where it is missing.
    with filling(out_dir / "eval.json") as (new,):
        for name, table in tables.items():
            with (new / f"{name}.csv").open("w", encoding="utf-8", newline="\n") as file:
                write_csv(table, file)
        for name, content in (("about", about), ("eval", metrics)):
            if content is not None:
                with (new / f"{name}.json").open("w", encoding="utf-8", newline="\n") as file:
                    file.write(json.dumps(content, indent=2) + "\n")


def check_vacant(out_dir: Path) -> None:
    """Check that an evaluation by hand replaces nothing but an earlier one.

    Raises:
        UserError: naming a file that would be lost.
    """
    if not out_dir.is_dir():
        return
    there = sorted(path for path in out_dir.iterdir() if _RESULTS.fullmatch(path.name))
    if there and not any(_is_of_evaluation(out_dir / f"{name}.json") for name in ("about", "eval")):
        raise UserError(f"{there[0]}: was not written by this command; --out_dir writes elsewhere")
    for path in there:
        check_replaceable(path)


def _is_of_evaluation(path: Path) -> bool:
    try:
        content = json.loads(read_bytes(path))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and bool({"test_sha256", "exact_match"} & content.keys())


def about(
    model: Path,
    metrics: Mapping[str, Any],
    data_dir: Path,
    prompt: str | None = None,
    packages: tuple[str, ...] = ("torch",),
) -> dict[str, Any]:
    """What an evaluation by hand was one of: the content of about.json.

    Args:
        model: the checkpoint or folder, as it was named.
        metrics: what eval.json will hold.
        data_dir: holds the test split that was graded.
        prompt: the template that problems were put into; None: none was.
        packages: those whose versions the results may depend on.

    Returns:
        name, architecture, model, prompt, test_sha256 (of test.jsonl), n_problems, versions.
    """
    with (data_dir / "test.jsonl").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "name": name_of(model),
        "architecture": metrics["architecture"],
        "model": str(model),
        "prompt": prompt,
        "test_sha256": digest,
        "n_problems": metrics["problems"],
        "versions": {package: version(package) for package in packages},
    }


def name_of(model: Path) -> str:
    """What to call a model: its folder, or its file where that has a name of its own.

    >>> [name_of(Path(p)) for p in ("checkpoints/wide/last.ckpt", "runs/back.ckpt", "hf/pythia/")]
    ['wide', 'back', 'pythia']
    """
    folder = model
    if not model.is_dir() and model.suffix == ".ckpt":
        if not _OF_ANY_TRAINING.fullmatch(model.stem):
            return model.stem
        folder = model.parent
    # Of "." and "..".
    return folder.name if folder.name not in ("", "..") else folder.resolve().name or model.stem


def results_folder(checkpoint: Path) -> Path:
    """Where an evaluation by hand writes: eval/ beside the checkpoint.

    Except in runs/ for one that DVC tracks, or that goes when its training ends.
    """
    folder = checkpoint if checkpoint.is_dir() else checkpoint.parent
    if any(folder.resolve().is_relative_to(kept.resolve()) for kept in (MODELS_DIR, RUNS_DIR)):
        folder = RUNS_DIR
    return folder / "eval"


def results_folder_of_other(folder: Path) -> Path:
    """Where an evaluation of another's model writes: checkpoints/, in a folder named like its own.

    Raises:
        UserError: where results of something else lie there, perhaps of a training of that name.
    """
    out_dir = inside(CHECKPOINTS_DIR, name_of(folder)) / "eval"
    if (out_dir / "eval.json").exists():
        try:
            model = Path(json.loads(read_bytes(out_dir / "about.json"))["model"])
        except (OSError, ValueError, KeyError, TypeError):
            model = out_dir.parent
        if model.resolve() != folder.resolve():
            raise UserError(f"{out_dir}: has results of {model}; name another folder by --out_dir")
    return out_dir
