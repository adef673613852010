"""The files that a study writes: its page and its charts."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..common.errors import UserError
from ..common.files import open_replacing
from .cells import Cell
from .charts import picture
from .file import Study
from .page import page
from .rows import SETTINGS, numbers
from .summary import lines


def publish(
    name: str, study: Study, path: Path, cells: Sequence[Cell], rows: pd.DataFrame, folder: Path
) -> Path:
    """Write NAME.md, and its charts beside it.

    Args:
        path: of the study's file.
        rows: what `read_rows` returns.
        folder: where to.

    Returns:
        The path of the page.

    Raises:
        UserError: if the study names a column that no row has.
    """
    typed = numbers(rows) if len(rows) else rows
    if len(typed):
        _check_columns(study, typed)
    found = lines(study, cells, typed)
    there = {cell.settings for cell in cells}
    stale = int((~typed[SETTINGS].isin(there)).sum())
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    for i, chart in enumerate(study.charts, 1):
        drawn = picture(study, chart, found, f"chart-{i}")
        file = folder / f"{name}-{i}.svg"
        if drawn:
            with open_replacing(file) as out:
                out.write(drawn)
        pictures.append(file.name if drawn else "")
    target = folder / f"{name}.md"
    with open_replacing(target) as out:
        out.write(page(name, study, path, found, pictures, stale))
    return target


def _check_columns(study: Study, rows: pd.DataFrame) -> None:
    named = [("measure", column) for column in study.measure]
    for i, chart in enumerate(study.charts):
        named += [(f"charts.{i}.y", chart.y)] if chart.y else []
        named += [(f"charts.{i}.x", chart.x)] if chart.along and chart.x else []
    for key, column in named:
        if column not in rows and column not in study.names:
            near = difflib.get_close_matches(column, rows.columns, n=1)
            said = f"did you mean {near[0]}?" if near else f"choices: {', '.join(rows.columns)}"
            raise UserError(f"{key} = {column}: no run has that; {said}")
