"""The wrong answers of runs, each with its kind, and which of them are looked into."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pandas as pd

from ..common.csv_cells import unquote
from ..compare.commits import MissingFileError
from ..compare.experiments import ERRORS, Experiment
from ..compare.grouping import Groups
from ..data.description import convention_of
from ..data.formats import Format
from .error_kinds import error_kind

# With fewer wrong answers of all runs together to the test split, those to all problems say more.
FEW = 200
# The figure that only runs have that graded all problems: how many these are.
TOTAL = "exhaustive_problems"


def with_answers(groups: Groups) -> Groups:
    """The groups, without runs whose wrong answers are lost."""

    def has_them(run: Experiment) -> bool:
        try:
            run.read(ERRORS)
        except MissingFileError:
            return False
        return True

    kept = {label: list(filter(has_them, group)) for label, group in groups.items()}
    return {label: group for label, group in kept.items() if group}


def wrong_answers(groups: Groups) -> pd.DataFrame:
    """The rows of all errors.csv as text, with the label (categorical) and the run of each.

    Args:
        groups: of runs that have the file, see `with_answers`.
    """
    tables = [pd.DataFrame(columns=["prompt", "target", "said", "split", "label", "run"])]
    for label, group in groups.items():
        for run in group:
            # All as text: a model may answer with leading zeros, or nothing.
            file = StringIO(run.read(ERRORS))
            table = unquote(pd.read_csv(file, dtype=str, keep_default_na=False))
            tables.append(table.assign(label=label, run=run.name))
    rows = pd.concat(tables, ignore_index=True)
    names = pd.Categorical(rows["label"], list(groups))
    return rows.assign(label=names)


def with_kinds(wrong: pd.DataFrame, groups: Groups) -> pd.DataFrame:
    """Rows of `wrong_answers` with the kind of each."""
    data = data_of(groups)
    written = format_of_groups(groups)

    def kind(prompt: str, target: str, said: str) -> str:
        operands, operators = written.read_prompt(prompt)
        try:
            number = written.read_target(said)
        except ValueError:
            number = None
        right = written.read_target(target)
        its = data["ops"], data["precedence"], data["modulus"]
        return error_kind(operands, operators, right, number, *its)

    columns = (wrong[name] for name in ("prompt", "target", "said"))
    return wrong.assign(kind=[kind(*each) for each in zip(*columns, strict=True)])


def data_of(groups: Groups) -> dict[str, Any]:
    """The data section of params.yaml; older ones name no format or modulus."""
    return {"format": "plain", "modulus": 0} | next(iter(groups.values()))[0].params["data"]


def format_of_groups(groups: Groups) -> Format:
    """How the problems of all these runs are written."""
    convention = convention_of(data_of(groups))
    assert convention is not None  # they were trained and graded on them
    return convention.format


def asked(groups: Groups) -> str:
    """Wrong answers to which problems are looked into: ``test``, or ``all``, see `FEW`."""
    runs = [run for group in groups.values() for run in group]
    few = sum(run.metrics["wrong"] for run in runs) < FEW
    return "all" if few and graded(groups) else "test"


def graded(groups: Groups) -> list[str]:
    """The names of the runs that were asked all problems."""
    runs = [run for group in groups.values() for run in group]
    return [run.name for run in runs if run.metrics.get(TOTAL)]


def not_asked(groups: Groups) -> str:
    """A sentence that names the runs that were not asked all problems, where those are shown."""
    names = [run.name for group in groups.values() for run in group if not run.metrics.get(TOTAL)]
    if asked(groups) == "test" or not names:
        return ""
    return f" Not asked all problems, and so left out here: {', '.join(names)}."
