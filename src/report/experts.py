"""The report's section on mixtures: how the router divides the work between the experts."""

from __future__ import annotations

import pandas as pd

from ..compare.experiments import Experiment
from ..compare.figures import Groups
from ..tokenizer import VOCABULARY
from .charts import divided, lines
from .page import Figure, Section
from .pooling import best, stacked


def experts(groups: Groups) -> Section:
    """Load, entropy and routing of the best run of each group that has experts."""
    figures: list[Figure] = []
    shown = []
    for label, experiments in groups.items():
        run = best(experiments)
        curves = stacked({label: [run]}, "metrics/val.csv")
        if curves.columns.str.startswith("expert_load_").any():
            shown.append(f"{run.name} ({label})")
            several = f" of {label}" if sum(_is_mixture(g) for g in groups.values()) > 1 else ""
            figures += _load(several, curves) + _entropy(several, curves) + _routing(several, run)
    if not figures:
        return Section("Experts", ["None of the runs is a mixture of experts."])
    text = [
        f"The best run of each mixture: {', '.join(shown)}. Another seed numbers its experts "
        "differently, so runs are not averaged."
    ]
    return Section("Experts", text, figures=figures)


def _is_mixture(experiments: list[Experiment]) -> bool:
    return "router_entropy" in experiments[0].metrics


def _long(curves: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """Columns step, key (what stands behind the prefix) and value."""
    columns = curves.columns[curves.columns.str.startswith(prefix)].tolist()
    table = curves.melt(["step"], columns, "key").assign(run=lambda t: t["key"])
    return table.assign(key=table["key"].str.removeprefix(prefix))


def _load(several: str, curves: pd.DataFrame) -> list[Figure]:
    loads = _long(curves, "expert_load_")
    loads[["layer", "by"]] = loads["key"].str.split("_", expand=True)
    figures = []
    for layer, rows in loads.groupby("layer", sort=False):
        caption = (
            f"Share of the tokens' assignments that each of the {rows['by'].nunique()} experts "
            "gets: lines that stay together mean balance, one near 0 is an expert that idles."
        )
        labelled = rows.assign(expert="expert " + rows["by"])
        spec = lines(labelled, "value", "load", by="expert", scale="load")
        figures.append(Figure(f"Load in layer {layer}{several}", caption, spec))
    return figures


def _entropy(several: str, curves: pd.DataFrame) -> list[Figure]:
    entropy = _long(curves, "router_entropy_")
    entropy["layer"] = "layer " + entropy["key"]
    caption = "In nats, for one token: falling lines are a router that makes up its mind."
    spec = lines(entropy, "value", "entropy", by="layer")
    return [Figure(f"Entropy of the router{several}", caption, spec)]


def _routing(several: str, run: Experiment) -> list[Figure]:
    routing = stacked({"": [run]}, "metrics/routing.csv")
    figures = []
    for layer, rows in routing.groupby("layer") if len(routing) else ():
        rows = rows.assign(token=rows["token"].astype(str))
        tokens = [token for token in VOCABULARY if token in set(rows["token"])]
        caption = (
            "Each cell is divided between the experts, from 0 on the left, as they share the "
            "work: one colour down a column means routing by position, along a row by token."
        )
        spec = divided(rows[rows["share"] > 0], tokens)
        title = f"Who serves what in layer {layer}{several}"
        figures.append(Figure(title, caption, spec))
    return figures
