"""The report's sections on where wrong answers are: by kind of problem, and among all problems."""

from __future__ import annotations

import pandas as pd

from ..compare.experiments import EXHAUSTIVE
from ..compare.grouping import Groups
from ..splits.space import ProblemSpace
from .charts import heat_map
from .mistakes import ENOUGH, dot_figures
from .operand_map import bin_names, bin_starts, operand_map
from .page import Figure, Section, Table
from .pooling import stacked
from .wrong_answers import asked, data_of, format_of_groups, graded, not_asked

# The title and the caption of each breakdown: what to look at.
BREAKDOWNS = {
    "operand_lengths": (
        "Digits of each operand",
        "There are few short ones, so their intervals are wide.",
    ),
    "answer_length": ("Digits of the answer", "Whether longer answers fail more often."),
    "operators": ("Operators", "Which of them is the hardest."),
    "carries": (
        "Number of carries",
        "Columns that carry when the sum is done by hand: whether carrying is what is hard.",
    ),
    "carry_chain": (
        "Longest chain of carries",
        "Carries side by side: whether a carry that travels far gets lost.",
    ),
    "sign": ("Sign of the difference", "Whether answers below 0 fail more often."),
    "borrows": ("Number of borrows", "Columns that borrow when the difference is done by hand."),
    "digit_position": (
        "Place in the answer",
        "Each token of the test split's answers, given the true ones before it: 1 are the units, "
        "2 the tens, 0 the end.",
    ),
}


def breakdowns(groups: Groups) -> Section:
    """Shares of wrong answers for each breakdown."""
    title = "Where each fails"
    what, tables = "the test split", {}
    if asked(groups) == "all":
        what = "test and unseen problems"
        counts = stacked(groups, EXHAUSTIVE)
        new = counts[counts["split"].isin(["test", "unseen"])]
        keys = ["kind", "value", "label", "run"]
        sums = new.groupby(keys, sort=False, observed=True)[["problems", "wrong"]].sum()
        tables = {kind: rows.reset_index() for kind, rows in sums.groupby("kind", sort=False)}
    parts = []
    for kind, (name, caption) in BREAKDOWNS.items():
        table = tables.get(kind, stacked(groups, f"metrics/by_{kind}.csv"))
        if len(table) and table["wrong"].sum() >= ENOUGH:
            # Of a file: behind the group's label and the run, its first column has the values.
            values = table if kind in tables else table.rename(columns={table.columns[2]: "value"})
            parts.append((name, caption, values))
    figures = dot_figures(parts)
    if not figures:
        return Section(title, [f"There are too few wrong answers to {what} to see where."])
    text = [
        f"Wrong answers to {what}: a dot for each seed on the 95 % Wilson interval of its weights, "
        "which is cut off where it leaves the picture, and the counts of an architecture's seeds "
        "together. All charts have one scale, logarithmic, with 0 apart at its left end."
        + not_asked(groups)
    ]
    return Section(title, text, figures=figures)


def exhaustive(groups: Groups, wrong: pd.DataFrame) -> Section:
    """Wrong answers among all problems: by split and over the two operands.

    Args:
        wrong: what `wrong_answers` returns.
    """
    title = "All problems"
    counts = stacked(groups, EXHAUSTIVE)
    if not len(counts):
        return Section(title, ["No run graded all problems; evaluation.exhaustive: true does."])
    whole = counts[counts["kind"] == "all"]
    splits = list(dict.fromkeys(whole["split"]))
    rows = []
    for (label, run), group in whole.groupby(["label", "run"], sort=False, observed=True):
        by_split = group.set_index("split")
        rows.append([str(run), str(label), *(_wrong_in(by_split, split) for split in splits)])
    table = Table("Wrong answers by split", ["run", "architecture", *splits], rows)
    text = [
        "Every problem that the data's parameters describe was asked. Unseen ones are in no split: "
        "if they fail as rarely as those of training, the model calculates and does not remember."
    ]
    figures, reasons = _operand_maps(groups, wrong)
    return Section(title, text + reasons, [], [table], figures)


def _wrong_in(by_split: pd.DataFrame, split: str) -> str:
    if split not in by_split.index:
        return "not graded"
    wrong, problems = by_split["wrong"][split], by_split["problems"][split]
    return f"{wrong:,} of {problems:,} ({wrong / problems:.4%})"


def _operand_maps(groups: Groups, wrong: pd.DataFrame) -> tuple[list[Figure], list[str]]:
    """A heat map of each group's runs together; without any, a sentence says why."""
    data = data_of(groups)
    if data["N"] != 2:
        return [], [f"Problems of {data['N']} operands do not fit on a map over two."]
    space = ProblemSpace(*(data[key] for key in ("N", "A", "B", "ops", "precedence")))
    written, starts = format_of_groups(groups), bin_starts(space.A, space.B)
    names = bin_names(starts, space.B)
    # Labels only where a length begins and in its middle: more would overlap.
    ticks = [n for n, start in zip(names, starts.tolist(), strict=True) if str(start)[0] in "015"]
    figures = []
    for label, group in groups.items():
        if runs := graded({label: group}):
            prompts = wrong.loc[wrong["run"].isin(runs), "prompt"]
            cells = operand_map(space, prompts, written, len(runs))
            caption = (
                f"{cells['wrong'].sum():,} of {cells['problems'].sum():,} wrong, its {len(runs)} "
                "runs together. Cells are a length and a leading digit of each operand, coloured "
                "where it fails."
            )
            title = f"{label}, over both operands"
            figures.append(Figure(title, caption, heat_map(cells, names, ticks)))
    return figures, []
