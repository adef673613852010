"""The report's section on results: tables of architectures and runs, and paired differences."""

from __future__ import annotations

from math import isnan
from typing import Any

import pandas as pd

from ..compare.figures import Groups, architectures, pairs, runs
from .page import Section, Table

# For each heading of a table, the column of the data frame and the format of its cells.
ARCHITECTURES = {
    "": ("label", ""),
    "seeds": ("seeds", ""),
    "exact match": ("exact_match_mean", ".2%"),
    "sd": ("exact_match_sd", ".2%"),
    "lowest": ("exact_match_min", ".2%"),
    "highest": ("exact_match_max", ".2%"),
    "loss": ("loss_mean", ".5f"),
    "steps to 90 %": ("steps_to_90", ",.0f"),
    "steps to 99 %": ("steps_to_99", ",.0f"),
    "steps to 99.9 %": ("steps_to_99_9", ",.0f"),
    "parameters": ("parameters", ",.0f"),
    "active": ("active_parameters", ",.0f"),
    "training FLOPs": ("training_flops", ".2e"),
}
RUNS = {
    "run": ("experiment", ""),
    "": ("label", ""),
    "seed": ("seed", ""),
    "exact match": ("exact_match", ".2%"),
    "95 % from": ("exact_match_low", ".2%"),
    "to": ("exact_match_high", ".2%"),
    "wrong": ("wrong", ",.0f"),
    "of": ("problems", ",.0f"),
    "loss": ("loss", ".5f"),
    "steps": ("steps", ",.0f"),
    "steps to 90 %": ("steps_to_90", ",.0f"),
    "steps to 99 %": ("steps_to_99", ",.0f"),
    "steps to 99.9 %": ("steps_to_99_9", ",.0f"),
    "problems seen": ("problems_seen", ",.0f"),
}
PAIRS = {
    "pair": ("pair", ""),
    "points": ("difference", "+.3f"),
    "95 % from": ("low", "+.3f"),
    "to": ("high", "+.3f"),
    "p": ("p", ".2g"),
    "p, corrected": ("p_holm", ".2g"),
    "seeds": ("seeds", ""),
    "test": ("method", ""),
}


def results(groups: Groups) -> Section:
    """The tables of the comparison, and a sentence for each tested difference."""
    text = [
        "Exact match is the share of problems whose whole answer greedy decoding gets right. "
        "Intervals of runs are Wilson intervals; active parameters are those that one token uses."
    ]
    tables = [
        _table("Architectures, means over their seeds", architectures(groups), ARCHITECTURES),
        _table("Runs", runs(groups), RUNS),
    ]
    differences = pairs(groups)
    for a, b, *numbers in differences[["a", "b", "difference", "low", "high", "p_holm"]].to_numpy():
        text.append(f"{a} and {b}: {reading(a, b, *numbers)}.")
    if len(differences):
        points = differences.assign(pair=differences["a"] + " - " + differences["b"])
        points[["difference", "low", "high"]] *= 100
        caption = "Differences in exact match on the same problems, in percentage points"
        tables.append(_table(caption, points, PAIRS))
    return Section("Results", text, tables)


def reading(a: str, b: str, difference: float, low: float, high: float, p: float) -> str:
    """A sentence on the tested difference between two groups.

    >>> reading("gpt2", "llama2", -0.0021, -0.0032, -0.0010, 0.004)
    'llama2 is better by 0.21 points (95 % from 0.10 to 0.32), p = 0.004'
    >>> reading("gpt2", "llama2", 0.0001, -0.0010, 0.0012, 0.9)
    'no difference shown (95 % from -0.10 to 0.12 points), p = 0.9'
    >>> reading("gpt2", "llama2", 0.01, float("nan"), float("nan"), 0.001)
    'this gpt2 is better by 1.00 points, p = 0.001; one seed says nothing about others'

    Args:
        a, b: labels of the groups.
        difference: exact match of a minus that of b.
        low, high: its 95 % interval; NaN for a single seed.
        p: p value, corrected for the number of pairs.
    """
    if difference < 0:
        return reading(b, a, -difference, -high, -low, p)
    better = f"{a} is better by {100 * difference:.2f} points"
    if isnan(low):
        verdict = f"this {better}" if p < 0.05 else "no difference shown"
        return f"{verdict}, p = {p:.2g}; one seed says nothing about others"
    span = f"95 % from {100 * low:.2f} to {100 * high:.2f}"
    if low <= 0:
        return f"no difference shown ({span} points), p = {p:.2g}"
    return f"{better} ({span}), p = {p:.2g}"


def _table(caption: str, frame: pd.DataFrame, columns: dict[str, tuple[str, str]]) -> Table:
    rows = [
        [_cell(row[name], form) for name, form in columns.values()]
        for row in frame.to_dict("records")
    ]
    return Table(caption, list(columns), rows)


def _cell(value: Any, form: str) -> str:
    return "-" if pd.isna(value) else format(value, form)
