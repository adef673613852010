"""The report's first section: which architecture is better, how sure that is, at what cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import isnan
from typing import Any

import numpy as np
import pandas as pd

from ..compare.figures import architectures, exhaustive, pairs, runs
from ..compare.grouping import DataSet, Groups
from ..compare.statistics import FEWEST_SEEDS
from ..terminal.counted import counted
from .charts import dots
from .page import Figure, Section, table_of
from .pooling import pooled, with_shares

# A row of `figures.pairs`.
Row = Mapping[Any, Any]
# What was asked.
WHERE = {
    "test": "the {:,} test problems, which were kept from training",
    "all": "all {:,} problems, those of training included",
}
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


def verdict(labels: Sequence[str], tests: Sequence[Row]) -> str:
    """The answer in a sentence.

    Args:
        labels: of the groups that are compared.
        tests: rows of `figures.pairs` between them.
    """
    if len(labels) == 1:
        return f"Only {labels[0]} was run: there is nothing to compare it with."
    if not tests:
        return "No two architectures share settings and a seed: none can be shown to be better."
    beaten = {_winner_first(test)[:2] for test in tests if is_shown(test)}
    best = [a for a in labels if all((a, b) in beaten for b in labels if b != a)]
    if best:
        said = f"{best[0]} is better than {' and '.join(a for a in labels if a != best[0])}."
    elif beaten:
        said = "No architecture is shown to be better than all others."
    else:
        said = "No architecture is shown to be better."
    if min(test["seeds"] for test in tests) < FEWEST_SEEDS:
        said += f" This is about these weights only: it takes {FEWEST_SEEDS} seeds to say more."
    return said


def levels(asked: pd.DataFrame) -> str:
    """How many answers are wrong, in a sentence.

    Args:
        asked: rows of `_asked` that are compared.
    """
    parts = []
    for where, rows in asked.groupby("asked", sort=False):
        means = rows.groupby("label", observed=True)[["wrong", "share"]].mean()
        each = [
            f"{label} {f'{wrong:,.1f}'.removesuffix('.0')} ({_round(100 * share)} %)"
            for label, wrong, share in means.itertuples()
        ]
        what = WHERE[str(where)].format(rows["problems"].iloc[0])
        parts.append(f"of {what}: {', '.join(each)}")
    return f"Wrong answers, mean of the seeds, {'; '.join(parts)}."


def is_shown(test: Row) -> bool:
    """Whether a test shows a difference; with one seed, between these weights."""
    low = _winner_first(test)[3]
    return test["p_holm"] < 0.05 and (isnan(low) or low > 0)


def sentence(a: str, b: str, test: Row | None, n_tests: int) -> str:
    """What the test between two groups shows.

    >>> test = {"a": "gpt2", "b": "llama2", "seeds": 3, "difference": -0.0021, "low": -0.0032,
    ...         "high": -0.001, "p_holm": 0.004}
    >>> sentence("gpt2", "llama2", test, 3)
    'llama2 gets 0.21 percentage points more right than gpt2 (95 % from 0.1 to 0.32; p = 0.004).'
    >>> sentence("gpt2", "llama2", test | {"high": 0.001}, 3).partition(": ")[2]
    'the 95 % interval, -0.1 to 0.32 points, includes 0.'

    Args:
        a, b: labels of the groups.
        test: the row of `figures.pairs`; None if the groups share no seed.
        n_tests: how many tests p was corrected for.
    """
    if test is None:
        return f"{a} and {b} share no seed, so they were not compared."
    a, b, *numbers = _winner_first(test)
    # One percent of exact match is one point.
    size, start, end = (_round(100 * number) for number in numbers)
    p = f"p = {test['p_holm']:.2g}"
    low = numbers[1]
    none = f"No difference shown between {a} and {b}"
    if is_shown(test):
        known = p if isnan(low) else f"95 % from {start} to {end}; {p}"
        said = f"{a} gets {size} percentage points more right than {b} ({known})"
    elif isnan(low):
        said = f"{none} ({p})"
    elif low <= 0:
        said = f"{none}: the 95 % interval, {start} to {end} points, includes 0"
    else:
        chance = f"one of {n_tests} tests may do so by chance (corrected {p})"
        said = f"{none}: the 95 % interval, {start} to {end} points, leaves out 0, but {chance}"
    if test["seeds"] < FEWEST_SEEDS:
        said += f"; these weights only ({counted(test['seeds'], 'seed')})"
    return f"{said}."


def _round(number: float) -> str:
    """Two significant digits, never with an exponent."""
    return np.format_float_positional(number, 2, fractional=False, trim="-")


def _winner_first(test: Row) -> tuple[str, str, float, float, float]:
    """The labels of a tested pair, the better one first, the difference and its interval."""
    if test["difference"] < 0:
        return test["b"], test["a"], -test["difference"], -test["high"], -test["low"]
    return test["a"], test["b"], test["difference"], test["low"], test["high"]


def cost(table: pd.DataFrame) -> str:
    """What the compared architectures cost, in a sentence.

    >>> row = {"label": "gpt2", "active_parameters": 1000, "training_flops": 2e9}
    >>> print(cost(pd.DataFrame([row, row | {"label": "llama2", "active_parameters": 1500}])))
    Cost: active parameters 1,000 (gpt2) to 1,500 (llama2, 50 % more); training FLOPs 2.00e+09.
    """
    parts = [
        _range(table, "active_parameters", "active parameters", ",.0f"),
        _range(table, "training_flops", "training FLOPs", ".2e"),
    ]
    # Runs of an earlier commit did not measure them.
    if "seconds" in table and table["seconds"].notna().all():
        seconds = _range(table, "seconds", "seconds of training", ",.0f")
        parts.append(f"{seconds} on {' and '.join(sorted(set(table['processor'])))}")
    return f"Cost: {'; '.join(parts)}."


def _range(table: pd.DataFrame, column: str, name: str, form: str) -> str:
    rows = table.sort_values(column, kind="stable")[["label", column]].to_numpy().tolist()
    (low, least), (high, most) = rows[0], rows[-1]
    if format(least, form) == format(most, form):
        return f"{name} {least:{form}}"
    more = f"{100 * (most / least - 1):.0f} %"
    return f"{name} {least:{form}} ({low}) to {most:{form}} ({high}, {more} more)"


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
