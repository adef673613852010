"""The results of an evaluation, printed on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from ..common.visible import visible
from ..data.formats import Format
from ..data.records import Record
from .counted import counted
from .verdict import verdict

# Printed even with a single row, where all answers have one length.
_ALWAYS = "by_answer_length"
# Printed in lines of their own.
_NOT_SHARES = ("by_expert", "by_lengths")


def show(
    metrics: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    samples: Sequence[tuple[Record, str]],
    written: Format,
    leaks: str,
) -> None:
    """Print the results.

    Args:
        metrics: content of eval.json.
        tables: contents of the CSV files.
        samples: problems to print with what the model says; as many wrong answers follow.
        written: how they are written.
        leaks: a sentence on problems that were in the training data.
    """
    # What a model says may look like rich's markup, or like the name of a picture.
    console = Console(markup=False, emoji=False)

    def line(text: str) -> None:
        console.print(visible(text), soft_wrap=True)

    for name, frame in tables.items():
        # No rows: it does not occur, such as borrows in sums. One row: the totals again.
        says_more = len(frame) > 1 or name == _ALWAYS
        if not name.startswith("by_") or name in _NOT_SHARES or not says_more:
            continue
        title = frame.columns[0]
        table = Table(title=name.replace("_", " "), title_justify="left")
        for column in (title, "problems", "wrong", "share right", "95 % interval"):
            table.add_column(column.replace("_", " "), justify="right")
        for value, problems, wrong, share, low, high in frame.itertuples(index=False):
            interval = f"{low:.4f} .. {high:.4f}"
            table.add_row(str(value), f"{problems:,}", f"{wrong:,}", f"{share:.4f}", interval)
        console.print(table)
    for (layer,), group in tables["by_expert"].groupby(["layer"]):
        shares = "  ".join(f"{share:.3f}" for share in group["load"])
        line(f"expert load, layer {layer}: {shares}")
    for title, column in (("length", "longest"), ("chain of carries", "carry_chain")):
        here = tables["by_lengths"]["carry_chain"].notna() == (column == "carry_chain")
        counts = tables["by_lengths"][here].groupby(column)[["problems", "wrong"]].sum()
        shares = "  ".join(
            f"{n}: {1 - row.wrong / row.problems:.3f}" for n, row in counts.iterrows()
        )
        if shares:
            line(f"right by {title}, whatever data.B is: {shares}")
    for record, said in samples:
        line(f"prediction: {verdict(record, said, written)}")
    errors = tables["errors"]
    others = errors[~errors["prompt"].isin([record.prompt for record, _ in samples])]
    for row in others.head(len(samples)).itertuples(index=False):
        line(f"wrong: {row.prompt}{row.said}, not {row.target}")
    every = tables["exhaustive"]
    for row in every[every["kind"] == "all"].itertuples(index=False):
        line(f"all problems, {row.split}: {row.wrong:,} wrong of {row.problems:,}")
    for name, n in metrics.items():
        if name.startswith("skipped_"):
            kind = name.removeprefix("skipped_")
            line(f"skipped: {counted(n, f'{kind} row')}")
    line(f"leak check: {leaks}")
    if "last_exact_match" in metrics:
        line(f"last weights: {metrics['last_exact_match']:.2%} right")
    if "weights" in metrics:
        line(f"weights graded: {metrics['weights']}, not chosen by validation loss")
    if "temperature" in metrics:
        line(f"answers: drawn at temperature {metrics['temperature']}, not decoded greedily")
    if "exact_trace" in metrics:
        line(f"steps: {metrics['exact_trace']:.2%} of targets have no wrong token")
    # Of others' models it is not known.
    loss = "" if metrics["loss"] is None else f"loss {metrics['loss']:.5f}, "
    line(
        f"{metrics['architecture']}: {metrics['exact_match']:.2%} of {metrics['problems']:,} right "
        f"(95 %: {metrics['exact_match_low']:.2%} .. {metrics['exact_match_high']:.2%}), "
        f"{loss}{metrics['parameters']:,} parameters, "
        f"{metrics['active_parameters']:,} active"
    )
