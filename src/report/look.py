"""What all charts have in common: sizes, text, and how series are told apart.

Text and axes have the page's colour, and series the page's CSS variables ``--series-1`` to
``--series-8``, so that a chart is readable on a light and on a dark page.
"""

from __future__ import annotations

from typing import Any, get_args

import altair as alt
import pandas as pd

from ..config import ModelConfig

# Fits a phone's width without shrinking the text.
WIDTH = 360
HEIGHT = 220
# vl-convert contains it and measures labels in it; its letters are as wide as Arial's.
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
INK = "currentColor"
_TEXT = {"labelColor": INK, "labelFontSize": 12, "titleColor": INK, "titleFontSize": 12}
CONFIG: dict[str, Any] = {
    "aria": False,
    "background": "transparent",
    "font": FONT,
    "view": {"stroke": None},
    "axis": _TEXT
    | {
        "aria": False,
        "domainColor": INK,
        "gridColor": INK,
        "gridOpacity": 0.15,
        "tickColor": INK,
        "titleFontWeight": "normal",
    },
    "legend": _TEXT
    | {
        "aria": False,
        "orient": "top",
        "symbolSize": 100,
        "symbolStrokeWidth": 2,
        "titleFontWeight": "normal",
    },
    "header": _TEXT,
}
# A colour for each architecture, on every page the same; the rest for all else.
ARCHITECTURES = get_args(ModelConfig.model_fields["name"].annotation)
_COLOURS = [f"var(--series-{i + 1})" for i in range(8)]
_OTHERS = _COLOURS[len(ARCHITECTURES) :]
# No two numbers have a common divisor with that of colours, so that pairs repeat late.
_RANGES: dict[str, list[Any]] = {
    "strokeDash": [[1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [4, 4], [12, 3], [1, 3]],
    "shape": ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "stroke"],
}
_CHANNELS = {"color": alt.Color, "strokeDash": alt.StrokeDash, "shape": alt.Shape}


def fit(chart: Any, height: Any = HEIGHT) -> Any:
    """The chart, single or in layers, in the width that all have, with all its texts."""
    size = alt.AutoSizeParams(type="fit", contains="padding")
    return chart.properties(width=WIDTH, height=height, autosize=size, padding=2)


def series(
    frame: pd.DataFrame, field: str, *channels: str, title: str | None = None, room: float = WIDTH
) -> Any:
    """Encodings that tell apart the names in a column, and their legend.

    Labels of groups have their architecture's colour. Names are in order of appearance; those of a
    categorical column in order of its categories, so that a name keeps its looks in a chart where
    another one is missing.

    Args:
        field: the column; ``label`` holds labels of groups.
        channels: ``color``, ``strokeDash`` and ``shape``, or some of them.
        title: of the legend.
        room: the legend's width in pixels; 0: without one.
    """
    found = list(dict.fromkeys(frame[field]))
    names = list(getattr(frame[field].dtype, "categories", found))
    colours = [_OTHERS[i % len(_OTHERS)] for i in range(len(names))]
    if field == "label":
        colours = [colour(name) for name in names]
    shown = [name for name in names if name in found]
    legend = None
    if room and len(shown) > 1:
        # As many columns as fit: Vega does not wrap a row of the legend that is too long.
        columns = max(1, int((room - 20) / (5.8 * max(map(len, shown)) + 24)))
        legend = alt.Legend(title=title, values=shown, columns=columns, labelLimit=room - 40)
    ranges = _RANGES | {"color": colours}
    return {
        channel: _CHANNELS[channel](f"{field}:N", legend=legend).scale(
            domain=names,
            range=[ranges[channel][i % len(ranges[channel])] for i in range(len(names))],
        )
        for channel in channels
    }


def colour(label: str) -> str:
    """The colour of a group: that of its architecture, the first word of its label.

    >>> colour("llama2"), colour("llama2 norm=layernorm")
    ('var(--series-2)', 'var(--series-2)')
    """
    architecture = label.split()[0]
    known = architecture in ARCHITECTURES
    return _COLOURS[ARCHITECTURES.index(architecture)] if known else _OTHERS[0]
