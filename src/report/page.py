"""The parts of the report's page, and its HTML."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import altair as alt
import jinja2
import pandas as pd
from markupsafe import Markup

from ..common.visible import visible_lines
from ..terminal.progress_bar import track
from .svg import draw

# What stands in place of a number that is not there.
NOT_THERE = "not there"
ABSENT = ("few seeds", "not graded", NOT_THERE)


@dataclass(frozen=True)
class Figure:
    """A chart.

    Attributes:
        title: heading above the chart.
        caption: a sentence below it that says what to look at.
        chart: without a title of its own.
    """

    title: str
    caption: str
    chart: alt.TopLevelMixin


@dataclass(frozen=True)
class Table:
    """A table of texts; its first column names the rows.

    Attributes:
        folded: whether only the caption shows until it is clicked.
    """

    caption: str
    header: list[str]
    rows: list[list[str]]
    folded: bool = False

    def is_numeric(self, column: int) -> bool:
        """Whether all cells of a column are numbers or missing, which are aligned right."""
        cells = [row[column] for row in self.rows]
        return all(cell in ABSENT or re.match(r"[-+]?\d[^=]*$", cell) for cell in cells)


def table_of(
    caption: str, frame: pd.DataFrame, columns: dict[str, tuple[str, ...]], folded: bool = False
) -> Table:
    """A data frame's rows.

    Args:
        columns: for each heading, the column of the frame, the format of its cells and what stands
            where there is no value, of `ABSENT`.
    """

    def cell(value: Any, form: str = "", absent: str = NOT_THERE) -> str:
        return absent if pd.isna(value) else format(value, form)

    found = {title: spec for title, spec in columns.items() if spec[0] in frame}
    rows = [
        [cell(row[name], *how) for name, *how in found.values()] for row in frame.to_dict("records")
    ]
    return Table(caption, list(found), rows, folded)


@dataclass(frozen=True)
class Section:
    """A heading and what is below it.

    Attributes:
        text: paragraphs.
        points: a list.
        listings: preformatted texts by their captions, folded.
        links: addresses by their texts.
    """

    title: str
    text: list[str] = field(default_factory=list)
    points: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    listings: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    @property
    def anchor(self) -> str:
        """The id of the heading."""
        return re.sub(r"\W+", "-", self.title.lower())


def render(title: str, sections: list[Section]) -> str:
    """The page as HTML, without scripts and without anything to load.

    Args:
        sections: the first one stands above the contents.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Control characters are no HTML.
        finalize=lambda value: visible_lines(value) if type(value) is str else value,
    )
    figures = [figure for section in sections for figure in section.figures]
    numbered = list(enumerate(figures, 1))
    parts = track(numbered, "charts", len(figures), wanted=True, size=lambda part: 1)
    pictures = [_draw(figure, f"figure-{i}") for i, figure in parts]
    template = environment.get_template("page.html")
    return template.render(title=title, sections=sections, pictures=pictures) + "\n"


def _draw(figure: Figure, name: str) -> Markup:
    # Safe as it is: ElementTree has escaped the texts inside.
    return Markup(draw(figure.chart, name, f"{figure.title}. {figure.caption}"))
