"""What the runs learned, their learning curves and their parameters."""

from __future__ import annotations

from typing import Any

import pandas as pd
import yaml

from ..compare.grouping import DataSet, Groups
from .charts import lines, log_scale, share_scale
from .look import fit
from .page import NOT_THERE, Figure, Section, Table
from .pooling import stacked


def described(data: DataSet) -> str:
    """A sentence on the runs, on what they have in common, and on their data."""
    drawn = next(iter(data.groups.values()))[0].params["data"]
    runs = [f"{len(group)} of {label}" for label, group in data.groups.items()]
    return (
        f"Runs: {', '.join(runs)}; {', '.join(data.common)}, where a label does not say otherwise. "
        f"Each learned to calculate with {drawn['N']} numbers from {drawn['A']:,} to "
        f"{drawn['B']:,} and {' '.join(drawn['ops'])} between them, from the same "
        f"{drawn['n_samples']:,} problems, of which {drawn['val_fraction']:.1%} were kept for "
        f"validation and {drawn['test_fraction']:.1%} for the test."
    )


def training(groups: Groups) -> Section:
    """Learning curves, a line for each run."""
    title = "Learning curves"
    steps, validation = stacked(groups, "metrics/train.csv"), stacked(groups, "metrics/val.csv")
    if not len(steps) or not len(validation):
        return Section(title, ["The runs were too short to leave any."])
    text = ["One line a run; the seeds of an architecture share its colour and dashes."]
    validation["wrong"] = 1 - validation["exact_match"]
    least = min(wrong for wrong in [*validation["wrong"], 1.0] if wrong > 0)
    # A logarithmic axis has no place for 0.
    curves = [table[table["loss"] > 0] for table in (validation, steps)]
    losses = log_scale(pd.concat([table["loss"] for table in curves]))
    parts = {
        "Wrong answers in validation": (
            "How early each line leaves the top, and where they part at the end: the share of "
            "problems without the right answer, logarithmic, with 0 apart at the bottom.",
            lines(validation, "wrong", "%", share_scale(least, 1)),
        ),
        "Loss in validation": (
            "Cross-entropy of an answer token in nats: a line that rises again has overfitted.",
            lines(curves[0], "loss", None, losses),
        ),
        "Loss in training": (
            "The same on the problems that are learned: far below validation means overfitting.",
            lines(curves[1], "loss", None, losses),
        ),
    }
    figures = [Figure(name, caption, fit(chart)) for name, (caption, chart) in parts.items()]
    return Section(title, text, figures=figures)


def parameters(groups: Groups) -> Section:
    """The parameters that the runs differ in, their commits and their metrics."""
    runs = [experiment for group in groups.values() for experiment in group]
    flat = [_flat(run.params) for run in runs]
    keys = sorted(
        key
        for key in {key for each in flat for key in each}
        if any(each.get(key, NOT_THERE) != flat[0].get(key, NOT_THERE) for each in flat)
    )
    names = [run.name for run in runs]
    commits = ["commit", *(run.rev[:12] for run in runs)]
    values = [[key, *(_text(each.get(key, NOT_THERE)) for each in flat)] for key in keys]
    metrics = dict.fromkeys(key for run in runs for key in run.metrics)
    figures = [[key, *(_text(run.metrics.get(key, NOT_THERE)) for run in runs)] for key in metrics]
    tables = [
        Table("What the runs' params.yaml differ in", ["key", *names], [commits, *values]),
        Table("What train.json and eval.json hold", ["metric", *names], figures, folded=True),
    ]
    text = [
        "The commit holds the code, the parameters and the metrics of a run; dvc exp apply brings "
        "them back."
    ]
    whole = {f"All of params.yaml of {names[0]}": yaml.safe_dump(runs[0].params, sort_keys=False)}
    return Section("Parameters and metrics", text, tables=tables, listings=whole)


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Values of nested dictionaries by dotted key."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        inner = isinstance(value, dict)
        flat |= _flat(value, f"{prefix}{key}.") if inner else {prefix + key: value}
    return flat


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
