"""The report's sections on wrong answers: what is said instead, by kind and one by one."""

from __future__ import annotations

import pandas as pd

from ..compare.grouping import Groups
from .charts import dots
from .error_kinds import KINDS
from .page import Figure, Section, Table
from .pooling import pooled, with_shares
from .wrong_answers import TOTAL, asked, graded, not_asked, with_kinds

# Wrong answers of a run that the page shows.
SHOWN = 20
# Wrong answers of all runs together from which a chart says something.
ENOUGH = 20
NOTHING = "(nothing)"
# Values that a chart shows: mixed operators make hundreds of lengths.
MOST = 16


def kinds(groups: Groups, wrong: pd.DataFrame) -> Section:
    """How the wrong answers differ from the right ones.

    Args:
        wrong: what `wrong_answers` returns.
    """
    title = "What is said instead"
    where = asked(groups)
    rows = wrong[wrong["run"].isin(graded(groups)) if where == "all" else wrong["split"] == "test"]
    if not len(rows):
        return Section(title, [f"No answer to the {where} problems is wrong."])
    text = [
        f"Each wrong answer to {where} problems is of the first kind of the table that fits it. "
        "Carries and borrows are looked for in sums and in differences of two numbers. In the "
        "chart a dot is a seed, and the counts are of an architecture's seeds together."
        + not_asked(groups)
    ]
    rows, figures = with_kinds(rows, groups), []
    if len(rows) >= ENOUGH:
        counts = _kinds_of_runs(groups, rows, TOTAL if where == "all" else "problems")
        caption = "The share of what was asked that is answered wrong in that way."
        figures = dot_figures([("How often", caption, counts)])
    return Section(title, text, [], [_kinds_table("How many of each kind", rows)], figures)


def _kinds_table(caption: str, rows: pd.DataFrame) -> Table:
    labels = [label for label in rows["label"].cat.categories if (rows["label"] == label).any()]
    cells = []
    for kind, meaning in KINDS.items():
        found = rows[rows["kind"] == kind]
        if len(found):
            prompt, said, target = found[["prompt", "said", "target"]].iloc[0]
            counts = [f"{(found['label'] == label).sum():,}" for label in labels]
            example = f"{prompt}{said or NOTHING}, right is {target}"
            cells.append([kind, *counts, example, meaning])
    cells.append(["all kinds", *(f"{(rows['label'] == label).sum():,}" for label in labels)])
    cells[-1] += ["as above", "every wrong answer"]
    return Table(caption, ["kind", *labels, "example", "meaning"], cells)


def _kinds_of_runs(groups: Groups, rows: pd.DataFrame, total: str) -> pd.DataFrame:
    """Columns label, run, value (the kind), problems, wrong: a row for each run and kind."""
    runs = [
        (label, run.name, kind, int(run.metrics[total]))
        for kind in KINDS
        if (rows["kind"] == kind).any()
        for label, group in groups.items()
        for run in group
        if run.metrics.get(total)
    ]
    table = pd.DataFrame(runs, columns=["label", "run", "value", "problems"])
    wrong = rows.groupby(["run", "kind"]).size()
    pairs = zip(table["run"], table["value"], strict=True)
    label = pd.Categorical(table["label"], list(groups))
    return table.assign(label=label, wrong=[int(wrong.get(pair, 0)) for pair in pairs])


def listing(groups: Groups, wrong: pd.DataFrame) -> Section:
    """The first wrong answers of each run.

    Args:
        wrong: what `wrong_answers` returns.
    """
    tables = []
    for label, experiments in groups.items():
        for run in experiments:
            errors = wrong[wrong["run"] == run.name]
            first = with_kinds(errors.head(SHOWN), groups).replace({"said": {"": NOTHING}})
            columns = [c for c in ("prompt", "said", "target", "kind", "split") if c in first]
            rows = first[columns].to_numpy().tolist()
            rest = f", the first {SHOWN}" if len(errors) > SHOWN else ""
            caption = f"{run.name} ({label}): {len(errors):,} wrong{rest}"
            tables.append(Table(caption, columns, rows, folded=True))
    text = ["metrics/errors.csv of a run's commit has all of them."]
    return Section("Wrong answers, one by one", text, tables=tables)


def dot_figures(parts: list[tuple[str, str, pd.DataFrame]]) -> list[Figure]:
    """Charts with a common scale.

    Args:
        parts: of each, title, caption and a table with columns label, value, problems and wrong;
            left out where there is a single value, as other figures say the same.
    """
    names, tables = [], []
    for title, caption, counts in parts:
        wrong = counts.groupby("value")["wrong"].sum()
        if len(wrong) > 1:
            most = f" Shown are the {MOST} of {len(wrong)} with most wrong answers." * (
                len(wrong) > MOST
            )
            names.append((title, caption + most))
            rows = counts[counts["value"].isin(wrong.nlargest(MOST).index)]
            tables.append(with_shares(rows.assign(lane=rows["label"])))
    charts = dots([(table, pooled(table)) for table in tables])
    return [Figure(*name, chart) for name, chart in zip(names, charts, strict=True)]
