"""The report's introduction, and its sections on learning curves and parameters."""

from __future__ import annotations

from typing import Any

import yaml

from ..compare.experiments import Experiments
from ..compare.figures import Groups
from .charts import lines
from .page import Figure, Section, Table
from .pooling import stacked


def lead(experiments: Experiments, groups: Groups) -> list[str]:
    """The introduction: what was compared, and which experiments were left out."""
    n = len(experiments.finished)
    data = experiments.finished[0].params["data"]
    runs = [f"{len(group)} of {label}" for label, group in groups.items()]
    sentences = [
        f"{n} run{'s' if n > 1 else ''}: {', '.join(runs)}. Each learned to "
        f"calculate with {data['N']} numbers from {data['A']:,} to {data['B']:,} and "
        f"{' '.join(data['ops'])} between them, from the same {data['n_samples']:,} problems, of "
        f"which {data['val_fraction']:.1%} were kept for validation and "
        f"{data['test_fraction']:.1%} for the test."
    ]
    if experiments.left_out:
        states = ", ".join(f"{name} ({state})" for name, state in experiments.left_out)
        sentences.append(f"Left out, as they have not finished: {states}.")
    return sentences


def training(groups: Groups) -> Section:
    """Learning curves, a line for each run."""
    title = "Learning curves"
    steps, validation = stacked(groups, "metrics/train.csv"), stacked(groups, "metrics/val.csv")
    text = ["One line a run; the seeds of an architecture share its colour and dashes."]
    if not len(steps) or not len(validation):
        return Section(title, ["The runs were too short to leave any."])
    validation["wrong"] = 1 - validation["exact_match"]
    figures = [
        Figure(
            "Exact match in validation",
            "How early each line leaves the bottom and reaches the top: the share of whole "
            "answers that are right.",
            lines(validation, "exact_match", "exact match", scale="share"),
        ),
        Figure(
            "Wrong in validation",
            "The same from the other side, stretched near 0: where the lines part at the end.",
            lines(validation, "wrong", "share wrong (log, linear to 0.1 %)", scale="small share"),
        ),
        Figure(
            "Loss in validation",
            "Cross-entropy of an answer token in nats: a line that rises again has overfitted.",
            lines(validation, "loss", "loss (log scale)", scale="log"),
        ),
        Figure(
            "Loss in training",
            "The same on the problems that are learned: far below validation means overfitting.",
            lines(steps, "loss", "loss (log scale)", scale="log"),
        ),
    ]
    return Section(title, text, figures=figures)


def parameters(groups: Groups) -> Section:
    """The parameters that the runs differ in, their commits and their metrics."""
    runs = [experiment for group in groups.values() for experiment in group]
    flat = [_flat(run.params) for run in runs]
    absent = object()
    keys = sorted(
        key
        for key in {key for each in flat for key in each}
        if any(each.get(key, absent) != flat[0].get(key, absent) for each in flat)
    )
    names = ["", *(run.name for run in runs)]
    commits = ["commit", *(run.rev[:12] for run in runs)]
    values = [[key, *(_text(each.get(key)) for each in flat)] for key in keys]
    metrics = dict.fromkeys(key for run in runs for key in run.metrics)
    figures = [[key, *(_text(run.metrics.get(key)) for run in runs)] for key in metrics]
    tables = [
        Table("What the runs' params.yaml differ in", names, [commits, *values]),
        Table("What metrics/train.json and eval.json hold", names, figures),
    ]
    text = [
        "The commit holds the code, the parameters and the metrics of a run; dvc exp apply brings "
        f"them back. Below the tables stands the whole params.yaml of {runs[0].name}."
    ]
    listing = yaml.safe_dump(runs[0].params, sort_keys=False)
    return Section("Parameters and metrics", text, tables, listing=listing)


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Values of nested dictionaries by dotted key."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        inner = isinstance(value, dict)
        flat |= _flat(value, f"{prefix}{key}.") if inner else {prefix + key: value}
    return flat


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
