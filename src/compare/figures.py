"""The tables of a comparison: runs, architectures over their seeds, tested pairs."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Any

import pandas as pd

from .commits import MissingFileError
from .experiments import ERRORS, EXHAUSTIVE, Experiment
from .grouping import DataSet, Groups
from .statistics import FEWEST_SEEDS, compare, holm

_METRICS = (
    "exact_match",
    "exact_match_low",
    "exact_match_high",
    "wrong",
    "problems",
    "loss",
    "best_step",
    "steps",
    "steps_to_90",
    "steps_to_99",
    "steps_to_99_9",
    "problems_seen",
    "training_flops",
    "parameters",
    "active_parameters",
)


def runs(groups: Groups) -> pd.DataFrame:
    """A row for each run: label of its group, architecture, experiment, seed, metrics and costs.

    Columns of costs: seconds of the training, processor, and ended (its date), where known.
    """
    rows = [
        {
            "label": label,
            "architecture": run.architecture,
            "experiment": run.name,
            "seed": run.seed,
            **{name: run.metrics.get(name) for name in _METRICS},
            **{name: run.cost.get(name) for name in ("seconds", "processor", "ended")},
        }
        for label, group in groups.items()
        for run in group
    ]
    return pd.DataFrame(rows).astype({"seed": "Int64"})


def architectures(groups: Groups) -> pd.DataFrame:
    """A row for each group, over its seeds.

    Columns: label, seeds (how many), exact_match_mean, exact_match_sd (standard deviation with
    n - 1; NaN for fewer than `FEWEST_SEEDS`), exact_match_min, exact_match_max, loss_mean;
    steps_to_90, steps_to_99 and steps_to_99_9 (means; NaN if a seed never got there); parameters,
    active_parameters, training_flops, seconds (means), processor (or processors).
    """

    def mean(column: pd.Series) -> float:
        return column.astype(float).mean(skipna=False)

    def deviation(column: pd.Series) -> float:
        return float(column.std()) if len(column) >= FEWEST_SEEDS else nan

    def names(column: pd.Series) -> str | None:
        return ", ".join(dict.fromkeys(column.dropna())) or None

    table = runs(groups).groupby("label", sort=False)
    return table.agg(
        seeds=("experiment", "size"),
        exact_match_mean=("exact_match", "mean"),
        exact_match_sd=("exact_match", deviation),
        exact_match_min=("exact_match", "min"),
        exact_match_max=("exact_match", "max"),
        loss_mean=("loss", mean),
        steps_to_90=("steps_to_90", mean),
        steps_to_99=("steps_to_99", mean),
        steps_to_99_9=("steps_to_99_9", mean),
        parameters=("parameters", "first"),
        active_parameters=("active_parameters", "first"),
        training_flops=("training_flops", mean),
        seconds=("seconds", mean),
        processor=("processor", names),
    ).reset_index()


def pairs(data: DataSet) -> pd.DataFrame:
    """A row for each pair of groups that are like enough, with the test of `statistics.compare`.

    Runs are paired by their seeds.

    Columns: a, b (labels), seeds (that both have), problems, difference (a's exact match minus
    b's), low, high, p, p_holm (corrected for the number of rows), method.
    """
    wrong = {label: _wrong(group) for label, group in data.groups.items()}
    rows = []
    for a, b in data.pairs:
        seeds = sorted(wrong[a].keys() & wrong[b].keys())
        if not seeds:
            continue
        problems = data.groups[a][0].metrics["problems"]
        found = compare([wrong[a][s] for s in seeds], [wrong[b][s] for s in seeds], problems)
        test = (found.mean, found.low, found.high, found.p, found.method)
        rows.append((a, b, len(seeds), problems, *test))
    columns = ["a", "b", "seeds", "problems", "difference", "low", "high", "p", "method"]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(columns.index("method"), "p_holm", holm(table["p"].tolist()))
    return table


def exhaustive(groups: Groups) -> pd.DataFrame:
    """A row for each run that graded all problems: its wrong answers by operands' lengths.

    Columns: experiment, problems, wrong; for each combination of lengths, such as a two-digit and
    a three-digit operand, ``wrong_2+3`` and ``problems_2+3``.
    """
    rows = []
    for run in (run for group in groups.values() for run in group):
        if not run.metrics.get("exhaustive_problems"):
            continue
        try:
            table = run.table(EXHAUSTIVE)
        except MissingFileError:
            continue
        sums = table.groupby(["kind", "value"], as_index=False)[["problems", "wrong"]].sum()
        row: dict[str, Any] = {"experiment": run.name}
        for kind, value, problems, wrong in sums.itertuples(index=False):
            if kind == "all":
                row |= {"problems": problems, "wrong": wrong}
            elif kind == "operand_lengths":
                row |= {f"wrong_{value}": wrong, f"problems_{value}": problems}
        rows.append(row)
    return pd.DataFrame(rows)


def _wrong(group: Sequence[Experiment]) -> dict[int, set[str]]:
    """By seed, the problems of the test split that a run answers wrong; of runs with the file."""
    found = {}
    for run in group:
        try:
            errors = run.table(ERRORS)
        except MissingFileError:
            continue
        if "split" in errors:
            errors = errors[errors["split"] == "test"]
        if run.seed is not None:
            found[run.seed] = set(errors["prompt"])
    return found
