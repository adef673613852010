"""The report's sections on whole runs: what was compared, the result, training, parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from ..compare.experiments import Experiment, Experiments
from ..compare.figures import Groups
from .charts import lines
from .page import Figure, Section, Table
from .pooling import stacked


def lead(experiments: Experiments, groups: Groups) -> list[str]:
    """What was compared, and what was left out."""
    data = experiments.finished[0].params["data"]
    runs = [f"{len(group)} of {label}" for label, group in groups.items()]
    sentences = [
        f"{_counted(len(experiments.finished), 'run')}: {', '.join(runs)}. Each learned to "
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
    """The params of each run, its commit and its metrics."""
    runs = [experiment for group in groups.values() for experiment in group]
    first, *others = (_flat(run.params) for run in runs)
    keys = sorted(
        {key for flat in others for key in {**first, **flat} if _differs(key, first, flat)}
    )
    names = ["", *(run.name for run in runs)]
    values = [[key, *(_text(flat.get(key)) for flat in (first, *others))] for key in keys]
    metrics = sorted({key for run in runs for key in run.metrics}, key=_metric_order(runs))
    figures = [[key, *(_text(run.metrics.get(key)) for run in runs)] for key in metrics]
    commits = [["commit", *(run.rev[:12] for run in runs)]]
    tables = [
        Table("What the runs' params.yaml differ in", names, commits + values),
        Table("What metrics/train.json and eval.json hold", names, figures),
    ]
    text = [
        "The commit holds the code, the parameters and the metrics of a run; dvc exp apply brings "
        f"them back. Below the tables stands the whole params.yaml of {runs[0].name}."
    ]
    listing = yaml.safe_dump(runs[0].params, sort_keys=False)
    return Section("Parameters and metrics", text, tables, listing=listing)


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Values by dotted key."""
    return dict(_leaves(tree, prefix))


def _leaves(tree: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _differs(key: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    return key not in one or key not in other or one[key] != other[key]


def _metric_order(runs: list[Experiment]) -> Any:
    order: dict[str, int] = {}
    for run in runs:
        for key in run.metrics:
            order.setdefault(key, len(order))
    return order.__getitem__


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
