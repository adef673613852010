"""What the tests and the figures of the answer say, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

import numpy as np
import pandas as pd

from ..compare.statistics import FEWEST_SEEDS
from ..terminal.counted import counted

# A row of `figures.pairs`.
Row = Mapping[Any, Any]
# What was asked.
WHERE = {
    "test": "the {:,} test problems, which were kept from training",
    "all": "all {:,} problems, those of training included",
}


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
