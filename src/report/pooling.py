"""The same file of several experiments as one table, and its seeds added up."""

from __future__ import annotations

import pandas as pd

from ..common.errors import UserError
from ..compare.experiments import Experiment
from ..compare.figures import Groups
from ..evaluation.intervals import wilson


def stacked(groups: Groups, path: str) -> pd.DataFrame:
    """A CSV file of every experiment that has it, one below the other.

    Columns label (the group's, categorical), run (the experiment's name) and the file's. An earlier
    commit's experiments may lack a file: it is empty then.
    """
    tables = []
    for label, experiments in groups.items():
        for experiment in experiments:
            try:
                table = experiment.table(path)
            except UserError:
                continue
            table.insert(0, "run", experiment.name)
            table.insert(0, "label", label)
            tables.append(table)
    filled = [table for table in tables if len(table)]
    if not filled:
        return pd.DataFrame(columns=["label", "run"])
    whole = pd.concat(filled, ignore_index=True)
    return whole.assign(label=pd.Categorical(whole["label"], list(groups)))


def pooled(counts: pd.DataFrame) -> pd.DataFrame:
    """Wrong answers of all seeds together, and the share's Wilson interval.

    Args:
        counts: columns label, value, problems, wrong; a row for each run and value.

    Returns:
        Columns value, label, problems, wrong, share, low, high, ordered by value as far as it is
        a number, otherwise as it came.
    """
    kinds = counts.groupby(["value", "label"], sort=False, observed=True)
    table = kinds[["problems", "wrong"]].sum().reset_index()
    by = "value" if pd.api.types.is_numeric_dtype(table["value"]) else "order"
    order = {value: i for i, value in enumerate(dict.fromkeys(table["value"]))}
    table = table.assign(order=table["value"].map(order)).sort_values(by, kind="stable")
    bounds = [wilson(*pair) for pair in zip(table["wrong"], table["problems"], strict=True)]
    return table.drop(columns="order").assign(
        share=table["wrong"] / table["problems"],
        low=[low for low, _ in bounds],
        high=[high for _, high in bounds],
    )


def best(experiments: list[Experiment]) -> Experiment:
    """The run with the fewest wrong answers on the test split."""
    return min(experiments, key=lambda experiment: experiment.metrics["wrong"])
