"""The tables of a comparison: runs, architectures over their seeds, tested pairs."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pandas as pd

from .experiments import Experiment
from .statistics import compare, holm

# Runs that differ in nothing but the seed, by label.
Groups = dict[str, list[Experiment]]

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
    """A row for each run: label of its group, architecture, experiment, seed, and metrics."""
    rows = [
        {
            "label": label,
            "architecture": run.architecture,
            "experiment": run.name,
            "seed": run.seed,
            **{name: run.metrics.get(name) for name in _METRICS},
        }
        for label, group in groups.items()
        for run in group
    ]
    return pd.DataFrame(rows)


def architectures(groups: Groups) -> pd.DataFrame:
    """A row for each group, over its seeds.

    Columns: label, seeds (how many), exact_match_mean, exact_match_sd (standard deviation with
    n - 1; NaN for a single seed), exact_match_min, exact_match_max, loss_mean; steps_to_90,
    steps_to_99 and steps_to_99_9 (means; NaN if a seed never got there); parameters,
    active_parameters, training_flops.
    """

    def mean(column: pd.Series) -> float:
        return column.astype(float).mean(skipna=False)

    table = runs(groups).groupby("label", sort=False)
    return table.agg(
        seeds=("seed", "size"),
        exact_match_mean=("exact_match", "mean"),
        exact_match_sd=("exact_match", "std"),
        exact_match_min=("exact_match", "min"),
        exact_match_max=("exact_match", "max"),
        loss_mean=("loss", mean),
        steps_to_90=("steps_to_90", mean),
        steps_to_99=("steps_to_99", mean),
        steps_to_99_9=("steps_to_99_9", mean),
        parameters=("parameters", "first"),
        active_parameters=("active_parameters", "first"),
        training_flops=("training_flops", mean),
    ).reset_index()


def pairs(groups: Groups) -> pd.DataFrame:
    """A row for each two groups that share seeds, with the test of `statistics.compare`.

    Columns: a, b (labels), seeds (that both have), problems, difference (a's exact match minus
    b's), low, high, p, p_holm (corrected for the number of rows), method.
    """
    wrong = {label: {run.seed: _wrong(run) for run in group} for label, group in groups.items()}
    rows = []
    for (a, runs_a), (b, runs_b) in combinations(groups.items(), 2):
        seeds = sorted(wrong[a].keys() & wrong[b].keys())
        if not seeds:
            continue
        problems = runs_a[0].metrics["problems"]
        assert problems == runs_b[0].metrics["problems"]  # the same data
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
        table = run.table("metrics/exhaustive.csv")
        sums = table.groupby(["kind", "value"], as_index=False)[["problems", "wrong"]].sum()
        row: dict[str, Any] = {"experiment": run.name}
        for kind, value, problems, wrong in sums.itertuples(index=False):
            if kind == "all":
                row |= {"problems": problems, "wrong": wrong}
            elif kind == "operand_lengths":
                row |= {f"wrong_{value}": wrong, f"problems_{value}": problems}
        rows.append(row)
    return pd.DataFrame(rows)


def _wrong(run: Experiment) -> set[str]:
    """The problems of the test split that a run answers wrong."""
    errors = run.table("metrics/errors.csv")
    return set(errors.loc[errors["split"] == "test", "prompt"])
