"""What all charts have in common as Vega-Lite specifications.

Text and axes have the page's colour, and series the page's CSS variables ``--series-1`` to
``--series-8``, so that a chart is readable on a light and on a dark page.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

Spec = dict[str, Any]

# Fits a phone's width without shrinking the text.
WIDTH = 360
HEIGHT = 220
# vl-convert contains it and measures labels in it; its letters are as wide as Arial's.
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
N_SERIES = 8
# One fewer than colours, so that a ninth series, in the first's colour, has other dashes.
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
    """The part that every specification begins with.

    Args:
        frame: the chart's data.
    """
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
    """An encoding that gives each name in a column a colour of its own, or one of `values`.

    Names are in order of appearance; those of a categorical column in order of its categories, so
    that a name keeps its colour in a chart where another one is missing.

    Args:
        field: name of the column.
        values: instead of colours, such as `DASHES`.
        title: title of the legend.
    """
    found = list(dict.fromkeys(column))
    names = list(column.cat.categories) if hasattr(column, "cat") else found
    present = [name for name in names if name in found]
    values = values or [f"var(--series-{i + 1})" for i in range(N_SERIES)]
    # As many columns as fit: Vega does not wrap a row of the legend that is too long.
    columns = max(1, (WIDTH - 20) * 2 // (13 * max(map(len, present), default=1) + 48))
    return {
        "field": field,
        "type": "nominal",
        "scale": {"domain": names, "range": [values[i % len(values)] for i in range(len(names))]},
        "legend": {"title": title, "values": present, "columns": columns, "symbolSize": 200},
    }
