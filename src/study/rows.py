"""The finished runs of a study: a row each in a CSV file that git keeps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..common.csv_cells import unquote, write_csv
from ..common.errors import UserError
from ..common.files import open_replacing
from ..compare.commits import MissingFileError
from ..compare.experiments import DATA, LENGTHS, Experiment
from .cells import Cell
from .file import CHAIN, DIGITS

SEED, SETTINGS = "seed", "settings"


def row_of(cell: Cell, experiment: Experiment) -> dict[str, Any]:
    """What is kept of a finished run.

    Returns:
        settings, place (the value of each axis) and seed; all of train.json and eval.json;
        tokens_seen (those of the training problems, on the average, times problems_seen); where
        lengths were graded, the share of right answers for operands of so many digits, such as
        digits_20, and for chains of so many carries in operands as long as the longest of the
        training, such as chain_7; seconds, processor and ended of the training; and the code that
        trained and graded, as a hash of the sources and as the commit that it is of.
    """
    return {
        SETTINGS: cell.settings,
        "place": cell.said,
        SEED: cell.seed,
        **experiment.metrics,
        "tokens_seen": round(_tokens(experiment) * experiment.metrics["problems_seen"]),
        **_lengths(experiment),
        **experiment.cost,
        "code": experiment.code[:12],
        "commit": experiment.baseline[:12],
    }


def _tokens(experiment: Experiment) -> float:
    """Tokens of a training problem on the average, ``<bos>`` and ``<eos>`` included."""
    rows = map(json.loads, experiment.read(f"{DATA}/train.jsonl").splitlines())
    lengths = [len(row["prompt"]) + len(row["target"]) + 2 for row in rows]
    return sum(lengths) / len(lengths)


def _lengths(experiment: Experiment) -> dict[str, float]:
    try:
        graded = experiment.table(LENGTHS)
    except MissingFileError:
        return {}
    of_chains = graded["carry_chain"].notna()
    trained = len(str(experiment.params["data"]["B"]))
    chains = graded[of_chains & (graded["longest"] == trained)]
    found: dict[str, float] = {}
    for name, part, column in (
        (DIGITS, graded[~of_chains], "longest"),
        (CHAIN, chains, "carry_chain"),
    ):
        sums = part.groupby(column)[["problems", "wrong"]].sum()
        for number, (problems, wrong) in sums.iterrows():
            found[f"{name}_{int(str(number).split('.')[0])}"] = 1 - wrong / problems
    return found


def read_rows(path: Path) -> pd.DataFrame:
    """The rows of a file, all cells as texts; none if it is not there.

    Raises:
        UserError: if it is no such table.
    """
    if not path.exists():
        return pd.DataFrame({SETTINGS: pd.Series(dtype=str)})
    try:
        table = pd.read_csv(path, keep_default_na=False, dtype=str)
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: no table: {error}") from None
    if SETTINGS not in table or table[SETTINGS].duplicated().any():
        raise UserError(f"{path}: not the rows of a study: must have different {SETTINGS}")
    return unquote(table)


def numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Rows with their numbers as numbers, and what is not there as NaN."""
    kept = (SETTINGS, "place", "code", "commit")

    def typed(column: pd.Series) -> pd.Series:
        filled = column.replace("", None)
        found = pd.to_numeric(filled, errors="coerce")
        return found if found.notna().sum() == filled.notna().sum() else filled

    return table.apply(lambda column: column if column.name in kept else typed(column))


def add_row(path: Path, row: dict[str, Any], order: Sequence[str]) -> None:
    """Add a row to a file, in place of one with its settings; other rows keep their bytes.

    Args:
        row: see `row_of`.
        order: the settings of all runs of the study, in the order of its file; others stand last.
    """
    texts = {key: "" if value is None else str(value) for key, value in row.items()}
    there, new = read_rows(path), pd.DataFrame([texts])
    others = there[there[SETTINGS] != texts[SETTINGS]]
    table = pd.concat([others, new], ignore_index=True).fillna("") if len(others) else new
    rank = {settings: i for i, settings in enumerate(order)}
    places = table[SETTINGS].map(lambda settings: rank.get(settings, len(rank)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_replacing(path) as file:
        write_csv(table.iloc[places.argsort(kind="stable")], file)
