"""The look of every chart, and what all Vega-Lite specifications have in common.

Text and axes take the page's colour, and series the page's variables ``--series-1`` to
``--series-8``, so that a chart is readable on a light and on a dark page.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

Spec = dict[str, Any]

# Fits a phone's width without shrinking the text.
WIDTH = 360
HEIGHT = 220
# Metrically equal to Arial, and part of vl-convert: labels have the width they were placed by.
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
N_SERIES = 8
# One fewer than colours: a ninth series has the first's colour and another dash.
DASHES = [[1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [4, 4], [12, 3], [1, 3]]
INK = "currentColor"
_CONFIG: Spec = {
    "aria": False,
    "background": None,
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "aria": False,
        "domainColor": INK,
        "gridColor": INK,
        "gridOpacity": 0.15,
        "labelColor": INK,
        "labelFontSize": 12,
        "tickColor": INK,
        "titleColor": INK,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "legend": {
        "aria": False,
        "labelColor": INK,
        "labelFontSize": 12,
        "labelLimit": WIDTH - 40,
        "orient": "top",
        "symbolStrokeWidth": 2,
        "title": None,
        "titleColor": INK,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
}


def chart(frame: pd.DataFrame) -> Spec:
    """What every specification begins with; what it adds may override it."""
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"values": frame.to_dict("records")},
        "width": WIDTH,
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": 2,
        "config": _CONFIG,
    }


def series(
    column: pd.Series, field: str, values: list[Any] | None = None, title: str | None = None
) -> Spec:
    """A scale with one colour, or one of the values, for each name.

    Names go by order of appearance; those of a categorical column by its categories, so that a
    name keeps its colour in a chart where another one is missing.
    """
    found = list(dict.fromkeys(column))
    names = list(column.cat.categories) if hasattr(column, "cat") else found
    present = [name for name in names if name in found]
    values = values or [f"var(--series-{i + 1})" for i in range(N_SERIES)]
    # Vega does not break a row of the legend that is too long.
    columns = max(1, (WIDTH - 20) * 2 // (13 * max(map(len, present), default=1) + 48))
    return {
        "field": field,
        "type": "nominal",
        "scale": {"domain": names, "range": [values[i % len(values)] for i in range(len(names))]},
        "legend": {"title": title, "values": present, "columns": columns, "symbolSize": 200},
    }
