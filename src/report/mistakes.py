"""The report's sections on wrong answers: by kind of problem, over all problems, one by one."""

from __future__ import annotations

from io import StringIO

import pandas as pd

from ..compare.experiments import Experiment
from ..compare.figures import Groups
from ..data.formats import FORMATS
from ..splits.space import ProblemSpace
from .charts import bars, heat_map
from .operand_map import bin_names, bin_starts, operand_map
from .page import Figure, Section, Table
from .pooling import best, pooled, stacked

# Wrong answers of a run that the page shows.
SHOWN = 20
# The caption of each breakdown: what to look at.
BREAKDOWNS = {
    "operand_lengths": "Digits of each operand: there are few short ones, so their intervals "
    "are wide.",
    "answer_length": "Digits of the answer: whether longer answers fail more often.",
    "operators": "The operators of a problem: which of them is the hardest.",
    "carries": "Columns that carry when the sum is done by hand: whether carrying is what is hard.",
    "carry_chain": "Most carries side by side: whether a carry that travels far gets lost.",
    "sign": "Sign of a difference: whether answers below 0 fail more often.",
    "borrows": "Columns that borrow when the difference is done by hand.",
    "digit_position": "Place of a token in the answer, given the true ones before it: 1 are the "
    "units, 2 the tens, 0 the end.",
}


def breakdowns(groups: Groups) -> Section:
    """Shares of wrong answers on the test split, for each breakdown."""
    figures = []
    for kind in BREAKDOWNS:
        counts = stacked(groups, f"metrics/by_{kind}.csv")
        if len(counts):
            # Behind the group's label and the run, the file's first column has the values.
            figures += _bar_figures(kind, counts.rename(columns={counts.columns[2]: "value"}))
    text = [
        "Wrong answers on the test split, an architecture's seeds added up. Bars are shares, "
        "lines their 95 % Wilson intervals (cut off where they leave the picture), and the counts "
        "stand beside them. Where a problem fails under several seeds it counts each time, so the "
        "intervals are a little too narrow.",
    ]
    return Section("Where each fails", text, figures=figures)


def exhaustive(groups: Groups) -> Section:
    """Wrong answers among all problems: by split, by breakdown, and over the two operands."""
    title = "All problems"
    counts = stacked(groups, "metrics/exhaustive.csv")
    if not len(counts):
        return Section(title, ["No run graded all problems; evaluation.exhaustive: true does."])
    whole = counts[counts["kind"] == "all"]
    splits = list(dict.fromkeys(whole["split"]))
    rows = []
    for run, group in whole.groupby("run", sort=False):
        by_split = group.set_index("split")
        cells = [_wrong_in(by_split, split) for split in splits]
        rows.append([str(run), str(group["label"].iloc[0]), *cells])
    table = Table("Wrong answers by split", ["run", "", *splits], rows)
    text = [
        "Every problem that the data's parameters describe was asked. Unseen ones are in no split: "
        "if they fail as rarely as those of training, the model calculates and does not remember."
    ]
    figures, reasons = _operand_maps(groups)
    new = counts[counts["split"].isin(["test", "unseen"])]
    for kind in BREAKDOWNS:
        rows_of = new[new["kind"] == kind]
        figures += _bar_figures(kind, rows_of, "Test and unseen problems. ")
    return Section(title, text + reasons, [table], figures)


def wrong_answers(groups: Groups) -> Section:
    """The first wrong answers of each run."""
    tables = []
    for label, experiments in groups.items():
        for experiment in experiments:
            errors = _wrong_answers(experiment)
            columns = [c for c in ("prompt", "said", "target", "split") if c in errors]
            rows = errors[columns].head(SHOWN).to_numpy().tolist()
            rest = f", the first {SHOWN}" if len(errors) > SHOWN else ""
            caption = f"{experiment.name} ({label}): {len(errors):,} wrong{rest}"
            tables.append(Table(caption, columns, rows, folded=True))
    text = ["What each run said instead of the answer; metrics/errors.csv of its commit has all."]
    return Section("Wrong answers", text, tables)


def _wrong_answers(run: Experiment) -> pd.DataFrame:
    # All as text: a model may answer with leading zeros, or nothing.
    text = StringIO(run.read("metrics/errors.csv"))
    return pd.read_csv(text, dtype=str, keep_default_na=False)


def _bar_figures(kind: str, counts: pd.DataFrame, where: str = "") -> list[Figure]:
    table = pooled(counts) if len(counts) else counts
    if not len(table) or table["value"].nunique() < 2:
        return []  # with a single value, the table of results says the same
    title = kind.replace("_", " ")
    pairs = zip(table["wrong"], table["problems"], strict=True)
    table["count"] = [f"{wrong:,} of {problems:,}" for wrong, problems in pairs]
    columns = ["value", "label", "share", "low", "high", "count"]
    spec = bars(table[columns], title)
    return [Figure(f"By {title}", where + BREAKDOWNS[kind], spec)]


def _wrong_in(by_split: pd.DataFrame, split: str) -> str:
    if split not in by_split.index:
        return "-"
    wrong, problems = by_split["wrong"][split], by_split["problems"][split]
    return f"{wrong:,} of {problems:,} ({wrong / problems:.4%})"


def _operand_maps(groups: Groups) -> tuple[list[Figure], list[str]]:
    """A heat map of the best run of each architecture; without any, a sentence says why."""
    figures = []
    for label, experiments in groups.items():
        graded = [run for run in experiments if run.params["evaluation"].get("exhaustive")]
        data = experiments[0].params["data"]
        if data["N"] != 2:
            return [], [f"Problems of {data['N']} operands do not fit on a map over two."]
        if graded:
            figures.append(_operand_map(label, best(graded)))
    return figures, []


def _operand_map(label: str, run: Experiment) -> Figure:
    data = run.params["data"]
    space = ProblemSpace(*(data[key] for key in ("N", "A", "B", "ops", "precedence")))
    # Older runs do not name their format, which is plain.
    written = FORMATS[data.get("format", "plain")]
    cells = operand_map(space, _wrong_answers(run)["prompt"], written)
    starts = bin_starts(space.A, space.B)
    names = bin_names(starts, space.B)
    # Labels only where a length begins and in its middle: more would overlap.
    ticks = [
        name for name, start in zip(names, starts.tolist(), strict=True) if str(start)[0] in "015"
    ]
    wrong, problems = cells["wrong"].sum(), cells["problems"].sum()
    caption = (
        f"{wrong:,} of {problems:,} wrong in {run.name}, the best of its kind. Cells are a length "
        "and a leading digit of each operand, coloured where it fails."
    )
    return Figure(f"{label} over both operands", caption, heat_map(cells, names, ticks))
