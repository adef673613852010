"""The files that an evaluation leaves, and the folder for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..common.files import MODELS_DIR, RUNS_DIR, open_replacing

if TYPE_CHECKING:
    import pandas as pd


def write_results(
    metrics: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], out_dir: Path
) -> None:
    """Each table as a CSV, and eval.json last: where it is, all is."""
    for name, table in tables.items():
        with open_replacing(out_dir / f"{name}.csv") as file:
            table.to_csv(file, index=False, lineterminator="\n")
    with open_replacing(out_dir / "eval.json") as file:
        file.write(json.dumps(metrics, indent=2) + "\n")


def results_folder(checkpoint: Path) -> Path:
    """Where an evaluation by hand writes: eval/ beside the checkpoint.

    Except in runs/ for one that DVC tracks, or that goes when its training ends.
    """
    folder = checkpoint if checkpoint.is_dir() else checkpoint.parent
    if any(folder.resolve().is_relative_to(kept.resolve()) for kept in (MODELS_DIR, RUNS_DIR)):
        folder = RUNS_DIR
    return folder / "eval"
