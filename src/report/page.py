"""The parts of the report's page, and its HTML."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
from markupsafe import Markup

from .svg import draw
from .vega import Spec


@dataclass(frozen=True)
class Figure:
    """A chart.

    Attributes:
        title: heading above the chart.
        caption: a sentence below it that says what to look at.
        spec: the chart as a Vega-Lite specification.
    """

    title: str
    caption: str
    spec: Spec


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
        """Whether all cells of a column are numbers or dashes, which are aligned right."""
        cells = [row[column] for row in self.rows]
        return all(re.match(r"[-+]?\d|-?$", cell) for cell in cells)


@dataclass(frozen=True)
class Section:
    """A heading and what is below it: paragraphs, tables, charts and preformatted text."""

    title: str
    text: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    listing: str = ""

    @property
    def anchor(self) -> str:
        """The id of the heading."""
        return re.sub(r"\W+", "-", self.title.lower())


def render(title: str, lead: list[str], sections: list[Section]) -> str:
    """The page as HTML, without scripts and without anything to load.

    Args:
        lead: paragraphs above the contents.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["draw"] = _draw
    template = environment.get_template("page.html")
    return template.render(title=title, lead=lead, sections=sections) + "\n"


def _draw(figure: Figure, name: str) -> Markup:
    # Safe as it is: ElementTree has escaped the texts inside.
    return Markup(draw(figure.spec, name, f"{figure.title}. {figure.caption}"))
