"""The files that explaining writes: a table for each question, and what the models were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ..common.csv_cells import unquote, write_csv
from ..common.errors import UserError
from ..common.files import check_writable, check_written, open_replacing
from ..common.folders import filling

# The columns by which each table is known, behind the model.
TABLES = {
    "roles": ("answer_digits", "layer", "head", "place"),
    "probes": ("place", "token", "after_layers", "accuracy", "untrained", "majority"),
    "patches": ("place", "changed", "part", "after_layers", "token", "layer", "head", "flips"),
    "lens": ("answer_digits", "place", "after_layers", "accuracy", "probability"),
    "ablations": (
        "layer",
        "part",
        "number",
        "how",
        "answer_digits",
        "carries",
        "problems",
        "exact_match",
    ),
    "routing": ("answer_digits", "place", "carry", "layer", "expert", "share", "problems"),
    # Written last: where it is, all are there.
    "models": ("architecture", "format", "digits", "problems", "seed", "sha256", "weights"),
}
# Digits behind the point: more than the samples support, fewer than rounding changes.
_PLACES = 4


def check_out_dir(folder: Path) -> None:
    """Refuse a folder that cannot be written to, or has other files of these names.

    Raises:
        UserError: naming the file that would be lost.
        OSError: naming the folder.
    """
    check_writable(folder)
    for name, columns in TABLES.items():
        check_written(folder / f"{name}.csv", f"model,{columns[0]},".encode())


def joined(found: Sequence[Mapping[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """The tables of several models, each table's rows below each other."""
    parts = {name: [tables[name] for tables in found] for name in TABLES}
    # One without rows has columns of no type, and the numbers below would take it on.
    filled = {name: [t for t in each if len(t)] or each[:1] for name, each in parts.items()}
    return {name: pd.concat(each) for name, each in filled.items()}


def write(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write all tables, or none.

    Args:
        tables: by the names of `TABLES`, each with a column model in front.
    """
    *_, last = TABLES
    with filling(folder / f"{last}.csv") as (new,):
        for name in TABLES:
            with open_replacing(new / f"{name}.csv") as file:
                write_csv(tables[name].round(_PLACES), file)


def read(folder: Path) -> dict[str, pd.DataFrame]:
    """The tables that `write` wrote; empty where there are none.

    Raises:
        UserError: naming a file that is missing beside the others, or is no such table.
    """
    if not (folder / f"{list(TABLES)[-1]}.csv").exists():
        return {}
    found = {}
    for name, columns in TABLES.items():
        path = folder / f"{name}.csv"
        try:
            table = pd.read_csv(path, dtype={"model": str, "sha256": str, "weights": str})
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: cannot be read: {error}") from None
        if missing := [column for column in ("model", *columns) if column not in table]:
            raise UserError(f"{path}: has no column {missing[0]}; explain again")
        found[name] = unquote(table)
    return found
