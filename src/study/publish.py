"""The files that a study writes: its page and its charts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

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
    """
    typed = numbers(rows, study.names) if len(rows) else rows
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
