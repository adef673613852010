"""A graded test split as figures and tables: how much is right, and of what kind the errors are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.formats import Format
from ..data.records import Record
from . import lengths
from .difficulty import KINDS, describe
from .exhaustive import by_split
from .grading import Grades, breakdown, by_digit_position, by_expert, routing, tally
from .intervals import wilson


def figures(
    architecture: str,
    parameters: tuple[int, int],
    grades: Grades,
    whole: NDArray[np.bool_] | None = None,
) -> dict[str, Any]:
    """What eval.json holds of every model.

    Args:
        parameters: the number of weights, and of those that one token uses.
        grades: whose `exact` says which answers are right.
        whole: bool (n,), which targets have no wrong token, steps included; None: without steps
            these are the same.
    """
    right, problems = int(grades.exact.sum()), len(grades.exact)
    low, high = wilson(right, problems)
    found: dict[str, Any] = {
        "architecture": architecture,
        "exact_match": float(grades.exact.mean()),
        "exact_match_low": low,
        "exact_match_high": high,
        **({} if whole is None else {"exact_trace": float(whole.mean())}),
        "loss": grades.loss,
        "problems": problems,
        "wrong": problems - right,
        "parameters": parameters[0],
        "active_parameters": parameters[1],
    }
    if grades.served.size:
        found["max_expert_load"] = float(by_expert(grades)["load"].max())
        found["router_entropy"] = float(grades.router_entropy.mean())
    return found


def describe_problems(records: Sequence[Record], written: Format) -> pd.DataFrame:
    """prompt, target, the columns of `difficulty.describe`, and split, which is test."""
    return pd.concat([pd.DataFrame(records), describe(records, written)], axis=1).assign(
        split="test"
    )


def break_down(problems: pd.DataFrame, grades: Grades, written: Format) -> dict[str, pd.DataFrame]:
    """A table for each kind of difficulty, and those of the experts.

    Args:
        problems: what `describe_problems` returns.
        grades: whose `exact` says which answers are right.
    """
    counts = tally(problems[list(KINDS)], grades.exact)
    tables = {f"by_{kind}": breakdown(counts, kind) for kind in KINDS}
    return tables | {
        "by_digit_position": by_digit_position(grades, problems["target"], written),
        "by_expert": by_expert(grades),
        "routing": routing(grades),
        # Filled where lengths are graded ..
        "by_lengths": lengths.table(),
        # .. and where all problems are.
        "exhaustive": by_split(pd.DataFrame(columns=[*counts, "split"])),
    }
