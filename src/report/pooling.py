"""Files of several experiments as one table, and wrong answers summed over seeds."""

from __future__ import annotations

import pandas as pd

from ..common.errors import UserError
from ..compare.experiments import Experiment
from ..compare.grouping import Groups
from ..evaluation.intervals import wilson


def stacked(groups: Groups, path: str) -> pd.DataFrame:
    """The rows of a CSV file of every experiment that has it; empty if none has.

    Experiments of an earlier commit may lack a file.

    Args:
        path: the file's path in the repository.

    Returns:
        Columns label (of the group, categorical), run (name of the experiment), and the file's.
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


def with_shares(counts: pd.DataFrame) -> pd.DataFrame:
    """Columns problems and wrong, and behind them share with its Wilson interval, low to high."""
    pairs = zip(counts["wrong"], counts["problems"], strict=True)
    ends = pd.DataFrame([wilson(*pair) for pair in pairs], counts.index, ["low", "high"])
    return counts.assign(share=counts["wrong"] / counts["problems"], low=ends.low, high=ends.high)


def pooled(counts: pd.DataFrame) -> pd.DataFrame:
    """Wrong answers summed over seeds.

    Args:
        counts: columns value, lane, problems, wrong; a row for each run, value and lane.

    Returns:
        Columns value, lane, count (such as ``3 of 1,000``); sorted by value if values are numbers,
        otherwise in the order of their first rows.
    """
    lanes = counts.groupby(["value", "lane"], sort=False, observed=True)
    table = lanes[["problems", "wrong"]].sum().reset_index()
    rank = table["value"]
    if not pd.api.types.is_numeric_dtype(rank):
        rank = pd.Series(pd.factorize(rank)[0])
    table = table.loc[rank.sort_values(kind="stable").index]
    pairs = zip(table["wrong"], table["problems"], strict=True)
    return table.assign(count=[f"{wrong:,} of {problems:,}" for wrong, problems in pairs])


def best(experiments: list[Experiment]) -> Experiment:
    """The run with the fewest wrong answers on the test split."""
    return min(experiments, key=lambda experiment: experiment.metrics["wrong"])
