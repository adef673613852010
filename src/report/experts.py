"""The report's section on mixtures: how the router divides the work between the experts."""

from __future__ import annotations

import altair as alt
import pandas as pd

from ..compare.experiments import Experiment
from ..compare.grouping import Groups
from ..tokenizer import VOCABULARY
from .charts import LINEAR, divided_cells, linear_shares, lines
from .look import fit
from .page import Figure, Section
from .pooling import best, stacked


def experts(groups: Groups) -> Section:
    """Load, entropy and routing of the best run of each group that has experts."""
    runs = {label: best(experiments) for label, experiments in groups.items()}
    curves = {label: stacked({label: [run]}, "metrics/val.csv") for label, run in runs.items()}
    mixtures = [
        label for label in runs if curves[label].columns.str.startswith("expert_load_").any()
    ]
    if not mixtures:
        return Section("Experts", ["None of the runs is a mixture of experts."])
    shown = ", ".join(f"{runs[label].name} ({label})" for label in mixtures)
    text = [
        f"The best run of each mixture: {shown}. Another seed numbers its experts differently, "
        "so runs are not averaged."
    ]
    figures: list[Figure] = []
    for label in mixtures:
        whose = f" of {label}" if len(mixtures) > 1 else ""
        figures.append(_load_figure(whose, curves[label]))
        figures.append(_entropy_figure(whose, curves[label]))
        figures += _routing_figures(whose, runs[label])
    return Section("Experts", text, figures=figures)


def _melted(curves: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """A row for each step and column of that prefix: step, key (the rest of the name), value."""
    columns = curves.columns[curves.columns.str.startswith(prefix)].tolist()
    table = curves.melt(["step"], columns, "key").assign(run=lambda t: t["key"])
    return table.assign(key=table["key"].str.removeprefix(prefix))


def _load_figure(whose: str, curves: pd.DataFrame) -> Figure:
    loads = _melted(curves, "expert_load_")
    loads[["layer", "expert"]] = loads["key"].str.split("_", expand=True)
    caption = (
        f"Share of the tokens' assignments that each of the {loads['expert'].nunique()} experts "
        "gets: lines that stay together mean balance, one near 0 is an expert that idles."
    )
    scale = linear_shares(loads["value"].max())
    chart = lines(loads.assign(layer="layer " + loads["layer"]), "value", "%", scale, "expert")
    panels = chart.properties(width=138, height=100).facet(
        alt.Facet("layer:N", title=None), columns=2
    )
    return Figure(f"Load of the experts{whose}", caption, panels)


def _entropy_figure(whose: str, curves: pd.DataFrame) -> Figure:
    entropy = _melted(curves, "router_entropy_")
    entropy["layer"] = "layer " + entropy["key"]
    caption = "In nats, for one token: falling lines are a router that makes up its mind."
    chart = fit(lines(entropy, "value", None, LINEAR, "layer"))
    return Figure(f"Entropy of the router{whose}", caption, chart)


def _routing_figures(whose: str, run: Experiment) -> list[Figure]:
    routing = stacked({"": [run]}, "metrics/routing.csv")
    figures = []
    for layer, rows in routing.groupby("layer") if len(routing) else ():
        rows = rows.assign(token=rows["token"].astype(str))
        tokens = [token for token in VOCABULARY if token in set(rows["token"])]
        caption = (
            "Each cell is divided between the experts, from 0 on the left, as they share the "
            "work: one colour down a column means routing by position, along a row by token."
        )
        chart = divided_cells(rows[rows["share"] > 0], tokens)
        figures.append(Figure(f"Who serves what in layer {layer}{whose}", caption, chart))
    return figures
