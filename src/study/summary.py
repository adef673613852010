"""What a study's rows say: one line for each combination of its axes' values, over the seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf, log10

import pandas as pd

from ..evaluation.intervals import wilson
from .cells import Cell
from .file import CHAIN, DIGITS, Published, Study, chosen
from .rows import SEED, SETTINGS

_OF_PROBLEMS = ("exact_match", "last_exact_match")


def is_share(column: str) -> bool:
    """Whether a column holds shares, shown in percent.

    >>> [is_share(name) for name in ("last_exact_match", "digits_20", "steps_to_99", "loss")]
    [True, True, False, False]
    """
    return "exact" in column or column.startswith((f"{DIGITS}_", f"{CHAIN}_"))


def lower_is_better(column: str) -> bool:
    """Whether less of a column is better: steps, errors, losses."""
    return not is_share(column)


def text(value: float | None, column: str) -> str:
    """A figure as it stands in a table.

    >>> text(0.98765, "exact_match"), text(2400.0, "steps_to_99"), text(7e12, "training_flops")
    ('98.77%', '2,400', '7e+12')
    >>> text(float("nan"), "steps_to_99")
    'never'
    """
    if value is None or pd.isna(value):
        return "never" if column.startswith("steps") else "-"
    if is_share(column):
        return f"{value:.2%}"
    if value and abs(log10(abs(value))) > 8:
        return f"{value:.3g}"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.3g}"


@dataclass(frozen=True)
class Line:
    """The runs of one combination.

    Attributes:
        place: the value of each axis.
        rows: of the runs that have finished.
        planned: how many runs there are in all.
    """

    place: dict[str, str]
    rows: pd.DataFrame
    planned: int

    def values(self, column: str) -> list[float]:
        """A column of the finished runs, the worst first; infinite where steps never got there."""
        if column not in self.rows:
            return []
        found = pd.to_numeric(self.rows[column], errors="coerce")
        found = found.fillna(inf) if column.startswith("steps_to") else found.dropna()
        return sorted(found.tolist(), reverse=lower_is_better(column))

    def median(self, column: str) -> float | None:
        """The median; of an even number of runs the worse of the two, so that it is a run's."""
        values = self.values(column)
        return _reached(values[(len(values) - 1) // 2]) if values else None

    def worst(self, column: str) -> float | None:
        """That of the worst run."""
        values = self.values(column)
        return _reached(values[0]) if values else None

    def interval(self, column: str) -> tuple[float, float] | None:
        """95 % interval of the median run's share, whose problems are a sample of all."""
        share = self.median(column)
        if share is None or column not in _OF_PROBLEMS:
            return None
        n = int(self.rows["problems"].iloc[0])
        return wilson(round(share * n), n)

    def reaching(self, column: str, threshold: float) -> tuple[int, int, tuple[float, float]]:
        """How many runs reach a threshold, of how many, and the share's 95 % interval."""
        values = self.values(column)
        less = lower_is_better(column)
        k = sum(value <= threshold if less else value >= threshold for value in values)
        return k, len(values), wilson(k, len(values)) if values else (0.0, 1.0)


def _reached(steps: float) -> float | None:
    return None if steps == inf else steps


def lines(study: Study, cells: Sequence[Cell], rows: pd.DataFrame) -> list[Line]:
    """The combinations of a study in the order of its file, also those without a finished run."""
    planned: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        planned.setdefault(tuple(cell.place.values()), []).append(cell)
    order = sorted(planned, key=lambda place: _rank(study, place))
    found = []
    for place in order:
        settings = [cell.settings for cell in planned[place]]
        mine = rows[rows[SETTINGS].isin(settings)]
        mine = mine.sort_values(SEED) if SEED in mine else mine
        found.append(Line(planned[place][0].place, mine, len(settings)))
    return found


def _rank(study: Study, place: tuple[str, ...]) -> tuple[int, ...]:
    axes = zip(study.names, place, strict=True)
    return tuple(study.values(axis).index(value) for axis, value in axes)


def beside(study: Study, line: Line) -> list[tuple[Published, float]]:
    """The published figures that belong to a line."""
    return [
        (each, each.values[line.place[each.of]])
        for each in study.published
        if each.of in line.place
        and line.place[each.of] in each.values
        and chosen(line.place, each.where)
    ]


def minutes(rows: pd.DataFrame) -> str:
    """The time of all trainings together.

    >>> minutes(pd.DataFrame({"seconds": [1800.0, 1900.0]}))
    '62 minutes'
    """
    total = pd.to_numeric(rows.get("seconds", pd.Series(dtype=float)), errors="coerce").sum()
    return f"{ceil(total / 60):,} minutes"
