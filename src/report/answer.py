"""The report's first section: which architecture is better, how sure that is, at what cost."""

from __future__ import annotations

from itertools import combinations

import pandas as pd

from ..compare.figures import architectures, exhaustive, pairs, runs
from ..compare.grouping import DataSet, Groups
from .charts import dots
from .page import Figure, Section, table_of
from .pooling import pooled, with_shares
from .words import WHERE, cost, levels, sentence, verdict

# For each heading of a table, the column of the data frame, the format of its cells and what
# stands where there is no value.
ARCHITECTURES = {
    "architecture": ("label",),
    "seeds": ("seeds",),
    "exact match": ("exact_match_mean", ".2%"),
    "sd of seeds": ("exact_match_sd", ".2%", "few seeds"),
    "lowest": ("exact_match_min", ".2%"),
    "highest": ("exact_match_max", ".2%"),
    "parameters": ("parameters", ",.0f"),
    "of them active": ("active_parameters", ",.0f"),
    "training FLOPs": ("training_flops", ".2e"),
    "training seconds": ("seconds", ",.0f"),
    "processor": ("processor",),
}
PAIRS = {
    "pair": ("pair",),
    "points": ("difference", "+.3f"),
    "95 % from": ("low", "+.3f", "few seeds"),
    "to": ("high", "+.3f", "few seeds"),
    "p": ("p", ".2g"),
    "p, corrected": ("p_holm", ".2g"),
    "seeds": ("seeds",),
    "test": ("method",),
}


def answer(data: DataSet, described: str) -> Section:
    """The section.

    Args:
        described: a sentence on what was learned.
    """
    groups = data.groups
    table, tested, asked = architectures(groups), pairs(data), _asked(groups)
    tests = {frozenset((row["a"], row["b"])): row for row in tested.to_dict("records")}
    default = defaults(groups)
    ours = list(default.values())
    shown = [*ours, *(label for label, (run, *_) in groups.items() if run.folder is not None)]
    # The pairs that are like enough: of defaults first, then each other configuration's.
    compared = [pair for pair in combinations(ours, 2) if pair in data.pairs]
    ablations = [pair for pair in data.pairs if not set(pair) <= set(ours)]

    def said(pair: tuple[str, str]) -> str:
        return sentence(*pair, tests.get(frozenset(pair)), len(tests))

    points = [
        levels(asked[asked["label"].isin(shown)]),
        *map(said, compared),
        cost(table[table["label"].isin(ours)]),
        *(f"Ablation. {said(pair)}" for pair in ablations if frozenset(pair) in tests),
        described,
    ]
    between = [tests[key] for key in map(frozenset, compared) if key in tests]
    tables = [table_of("Means over the seeds, and what they cost", table, ARCHITECTURES)]
    if tests:
        rows = tested.assign(pair=tested["a"] + " - " + tested["b"])
        rows[["difference", "low", "high"]] *= 100
        caption = "Tests of the differences in exact match, in percentage points"
        tables.append(table_of(caption, rows, PAIRS, folded=True))
    return Section("Which is better", [verdict(ours, between)], points, tables, _figures(asked))


def defaults(groups: Groups) -> dict[str, str]:
    """Of each architecture of ours, the label that names no difference, or else the first one."""
    found: dict[str, str] = {}
    for label, group in groups.items():
        if group[0].folder is not None:
            continue
        architecture = group[0].architecture
        if label == architecture or architecture not in found:
            found[architecture] = label
    return found


def _asked(groups: Groups) -> pd.DataFrame:
    """A row for each run on the test split, and for each that was asked all problems.

    Columns: those of `figures.runs`, with asked (a key of `WHERE`) and those of `with_shares`.
    """
    ran = runs(groups).assign(asked="test")
    graded = exhaustive(groups)
    if len(graded):
        other = ran.drop(columns=["wrong", "problems"]).merge(graded, on="experiment")
        ran = pd.concat([ran, other.assign(asked="all")], ignore_index=True)
    return with_shares(ran.assign(label=pd.Categorical(ran["label"], list(groups))))


def _figures(asked: pd.DataFrame) -> list[Figure]:
    """A dot for each seed: on the test split, and among all problems."""
    caption = (
        "A dot for each seed, better the further left, and the 95 % Wilson interval of these "
        "weights. The scale is logarithmic; 0 stands apart at its left end."
    )
    parts = []
    for where, rows in asked.groupby("asked", sort=False):
        lane = rows.groupby("label", observed=True).cumcount()
        rows = rows.assign(value=rows["label"], lane=lane)
        counts = pooled(rows).merge(rows[["value", "lane", "seed"]], on=["value", "lane"])
        texts = zip(counts["wrong"], counts["seed"], strict=True)
        counts["count"] = [f"{wrong:,} (seed {seed})" for wrong, seed in texts]
        title = f"Wrong of {WHERE[str(where)].format(rows['problems'].iloc[0])}"
        parts.append((title, rows, counts))
    charts = dots([(rows, counts) for _, rows, counts in parts])
    return [Figure(parts[i][0], caption, chart) for i, chart in enumerate(charts)]
