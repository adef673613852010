"""The results of an evaluation on the terminal."""

from __future__ import annotations

from typing import Any

import pandas as pd

# rich: tables that fit the terminal, also where there is none.
from rich.console import Console
from rich.table import Table


def show(metrics: dict[str, Any], tables: dict[str, pd.DataFrame], n_samples: int) -> None:
    """Print the results."""
    console = Console()
    for name, frame in tables.items():
        # What does not occur, such as borrows in sums, has no rows; one row says nothing new.
        if not name.startswith("by_") or name == "by_expert" or len(frame) < 2:
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
        console.print(f"expert load, layer {layer}: {shares}")
    for row in tables["errors"].head(n_samples).itertuples(index=False):
        console.print(f"wrong: {row.prompt}{row.said}, not {row.target}", soft_wrap=True)
    every = tables["exhaustive"]
    for row in every[every["kind"] == "all"].itertuples(index=False):
        console.print(f"all problems, {row.split}: {row.wrong:,} wrong of {row.problems:,}")
    console.print(
        f"{metrics['architecture']}: {metrics['exact_match']:.2%} of {metrics['problems']:,} right "
        f"(95 %: {metrics['exact_match_low']:.2%} .. {metrics['exact_match_high']:.2%}), "
        f"loss {metrics['loss']:.5f}, {metrics['parameters']:,} parameters, "
        f"{metrics['active_parameters']:,} active",
        soft_wrap=True,
    )
