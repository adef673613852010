"""The report's sections on wrong answers: by kind, over all problems, one by one."""

from __future__ import annotations

from io import StringIO

import pandas as pd

from ..compare.experiments import Experiment
from ..compare.figures import Groups
from ..data.formats import FORMATS
from ..splits.space import ProblemSpace
from .charts import bars, grid
from .operand_map import bin_names, bin_starts, operand_map
from .page import Figure, Section, Table
from .pooling import best, pooled, stacked

SHOWN = 20
# Each breakdown with what to look at.
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
    """Bars for each kind of problem on the test split."""
    figures = []
    for kind in BREAKDOWNS:
        counts = stacked(groups, f"metrics/by_{kind}.csv")
        if len(counts):
            # The first two are the group's label and the run.
            figures += _bars(kind, counts.rename(columns={counts.columns[2]: "value"}))
    text = [
        "Wrong answers on the test split, an architecture's seeds added up. Bars are shares, "
        "lines their 95 % Wilson intervals (cut off where they leave the picture), and the counts "
        "stand beside them. Where a problem fails under several seeds it counts each time, so the "
        "intervals are a little too narrow.",
    ]
    return Section("Where each fails", text, figures=figures)


def exhaustive(groups: Groups) -> Section:
    """All problems that exist: by split, by kind, and over the two operands."""
    title = "All problems"
    counts = stacked(groups, "metrics/exhaustive.csv")
    if not len(counts):
        return Section(title, ["No run graded all problems; evaluation.exhaustive: true does."])
    whole = counts[counts["kind"] == "all"]
    splits = list(dict.fromkeys(whole["split"]))
    rows = []
    for run, group in whole.groupby("run", sort=False):
        by_split = group.set_index("split")
        cells = [_share(by_split, split) for split in splits]
        rows.append([str(run), str(group["label"].iloc[0]), *cells])
    table = Table("Wrong answers by split", ["run", "", *splits], rows)
    text = [
        "Every problem that the data's parameters describe was asked. Unseen ones are in no split: "
        "if they fail as rarely as those of training, the model calculates and does not remember."
    ]
    figures, skipped = _operand_maps(groups)
    new = counts[counts["split"].isin(["test", "unseen"])]
    for kind in BREAKDOWNS:
        rows_of = new[new["kind"] == kind]
        figures += _bars(kind, rows_of, "Test and unseen problems. ")
    return Section(title, text + skipped, [table], figures)


def wrong_answers(groups: Groups) -> Section:
    """The first wrong answers of each run."""
    tables = []
    for label, experiments in groups.items():
        for experiment in experiments:
            errors = _errors(experiment)
            columns = [c for c in ("prompt", "said", "target", "split") if c in errors]
            rows = errors[columns].head(SHOWN).to_numpy().tolist()
            rest = f", the first {SHOWN}" if len(errors) > SHOWN else ""
            caption = f"{experiment.name} ({label}): {len(errors):,} wrong{rest}"
            tables.append(Table(caption, columns, rows, folded=True))
    text = ["What each run said instead of the answer; metrics/errors.csv of its commit has all."]
    return Section("Wrong answers", text, tables)


def _errors(run: Experiment) -> pd.DataFrame:
    # As text: an answer may begin with zeros, or be empty.
    text = StringIO(run.read("metrics/errors.csv"))
    return pd.read_csv(text, dtype=str, keep_default_na=False)


def _bars(kind: str, counts: pd.DataFrame, where: str = "") -> list[Figure]:
    table = pooled(counts) if len(counts) else counts
    if not len(table) or table["value"].nunique() < 2:
        return []  # a single bar says what the table of results says
    title = kind.replace("_", " ")
    pairs = zip(table["wrong"], table["problems"], strict=True)
    table["count"] = [f"{wrong:,} of {problems:,}" for wrong, problems in pairs]
    columns = ["value", "label", "share", "low", "high", "count"]
    spec = bars(table[columns], title)
    return [Figure(f"By {title}", where + BREAKDOWNS[kind], spec)]


def _share(by_split: pd.DataFrame, split: str) -> str:
    if split not in by_split.index:
        return "-"
    wrong, problems = by_split["wrong"][split], by_split["problems"][split]
    return f"{wrong:,} of {problems:,} ({wrong / problems:.4%})"


def _operand_maps(groups: Groups) -> tuple[list[Figure], list[str]]:
    """A heat map for the best run of each architecture, or why there is none."""
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
    # Runs of before there was a choice do not name their format.
    written = FORMATS[data.get("format", "plain")]
    cells = operand_map(space, _errors(run)["prompt"], written)
    starts = bin_starts(space.A, space.B)
    names = bin_names(starts, space.B)
    # More would overlap: where a length begins, and the middle of it.
    ticks = [
        name for name, start in zip(names, starts.tolist(), strict=True) if str(start)[0] in "015"
    ]
    wrong, problems = cells["wrong"].sum(), cells["problems"].sum()
    caption = (
        f"{wrong:,} of {problems:,} wrong in {run.name}, the best of its kind. Cells are a length "
        "and a leading digit of each operand, coloured where it fails."
    )
    return Figure(f"{label} over both operands", caption, grid(cells, names, ticks))
