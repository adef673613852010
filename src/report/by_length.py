"""The report's section on operands of each length, and chains of each length."""

from __future__ import annotations

import pandas as pd

from ..compare.experiments import LENGTHS
from ..compare.grouping import Groups
from .charts import curve
from .page import Figure, Section
from .pooling import stacked
from .wrong_answers import data_of


def by_length(groups: Groups) -> Section | None:
    """Curves of exact match over digits and over carries; None where no run graded lengths."""
    graded = stacked(groups, LENGTHS)
    if not len(graded):
        return None
    trained = len(str(data_of(groups)["B"]))
    of_chains = graded["carry_chain"].notna()
    text = [
        "One line a run, of problems that were drawn for each length, whatever the data's B is; "
        f"the dotted line is where the training's operands end, at {trained} digits. Of operands "
        "of several lengths the longest counts."
    ]
    figures = [_figure("Right answers by length", "longest", graded[~of_chains], trained)]
    # Where length itself is nothing new.
    known = graded[of_chains & (graded["longest"] <= trained)]
    if len(known):
        longest = known["longest"].max()
        name = f"Right answers by chain of carries, {longest} digits"
        figures.append(_figure(name, "carry_chain", known[known["longest"] == longest]))
    return Section("By length", text, figures=figures)


def _figure(title: str, column: str, graded: pd.DataFrame, end: int | None = None) -> Figure:
    keys = ["label", "run", column]
    sums = graded.groupby(keys, sort=False, observed=True)[["problems", "wrong"]].sum()
    shares = sums.reset_index().assign(right=1 - (sums["wrong"] / sums["problems"]).to_numpy())
    captions = {
        "longest": ("digits of the longest operand", "Whether it calculates beyond what it saw."),
        "carry_chain": (
            "columns side by side that carry",
            "Built on purpose: random sums rarely have a long chain. A fall means that carries "
            "which travel far get lost.",
        ),
    }
    axis, caption = captions[column]
    return Figure(title, caption, curve(shares, column, axis, end))
