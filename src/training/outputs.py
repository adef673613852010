"""The files that a training writes, and the check that none is overwritten by mistake."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ..checkpoint import load_model, read_tensors, save_checkpoint
from ..common.checkpoint_files import runners_up, snapshots
from ..common.errors import UserError
from ..common.files import open_replacing
from ..config import Params
from ..data.formats import Format
from ..data.records import Record
from ..generation import generate_answers
from .fit import Fit

# Of a training that was killed as it wrote its results, this one may be missing.
LAST = "samples.txt"
_RESULTS = re.compile(
    r"(best(-[0-9]+)?|last|snapshot-[0-9]+)\.ckpt|config\.yaml|samples\.txt|(train|val)\.csv|train\.json"
)


def results(folder: Path) -> list[Path]:
    """The files in a folder that a training has written or would replace."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _RESULTS.fullmatch(path.name))


def check_vacant(folder: Path, overwrite: bool) -> None:
    """Check that a training called by hand replaces nothing, or if allowed an older training.

    Raises:
        UserError: naming a file that would be lost, and the flag that allows it.
    """
    there = [path.name for path in results(folder)]
    if there and not overwrite:
        raise UserError(
            f"{folder}: {there[0]} is there already; --overwrite replaces what an earlier training "
            f"left, --out_dir writes elsewhere"
        )
    if there and not any(name.endswith(".ckpt") for name in there):
        raise UserError(f"{folder}: {there[0]} is of no training; --out_dir writes elsewhere")


def write_models(
    fitted: Fit,
    params: Params,
    val: Sequence[Record],
    written: Format,
    folder: Path,
    story: Mapping[str, Any],
) -> None:
    """last.ckpt, best.ckpt, best-2.ckpt and so on, snapshots, config.yaml, and samples.txt.

    The samples are the best model's answers to the first problems of val, which are written so.
    """
    save_checkpoint(folder / "last.ckpt", fitted.last_weights, params, fitted.last, story)
    save_checkpoint(folder / "best.ckpt", fitted.best_weights, params, fitted.best, story)
    for place, (row, kept) in enumerate(fitted.runners_up, start=2):
        weights = read_tensors(kept)["state_dict"] if kept else fitted.last_weights
        save_checkpoint(folder / f"best-{place}.ckpt", weights, params, row, story)
    for path in fitted.snapshots:
        shutil.copyfile(path, folder / path.name)
    with open_replacing(folder / "config.yaml") as file:
        file.write("# What this was trained with; python -m src.train --config reads it.\n")
        sections = {"model": params.model_config_in_use, "training": params.training}
        content = {name: section.to_plain() for name, section in sections.items()}
        yaml.safe_dump(content, file, sort_keys=False)
    best, _ = load_model(folder / "best.ckpt")
    shown = val[: params.training.n_samples]
    said = generate_answers(best, [record.prompt for record in shown], written.traced)
    with open_replacing(folder / "samples.txt") as file:
        for record, answer in zip(shown, said, strict=True):
            file.write(f"{record.prompt}{answer}  {written.judge(answer, record.target)}\n")


def drop_old(folder: Path, new: Path) -> None:
    """Remove runners-up and snapshots that a training has left which kept more, or others.

    Args:
        new: the folder whose files come in place of the others.
    """
    if not folder.is_dir():
        return
    for path in (*runners_up(folder), *snapshots(folder).values()):
        if not (new / path.name).exists():
            path.unlink()


def write_metrics(fitted: Fit, folder: Path, runs_dir: Path) -> None:
    """train.json, train.csv and val.csv; and a row in the machine's list of costs, in runs_dir."""
    fitted.history.write(folder)
    with open_replacing(folder / "train.json") as file:
        file.write(json.dumps(fitted.metrics(), indent=2) + "\n")
    fitted.cost.enter(runs_dir, folder / "train.json")
