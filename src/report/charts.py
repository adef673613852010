"""Charts as Vega-Lite specifications: plain dictionaries that hold their data."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .vega import DASHES, HEIGHT, INK, WIDTH, Spec, chart, series

# Classes of shares of wrong answers, by their upper ends; in the first, none is wrong.
CLASSES = {0.0: "none", 0.001: "to 0.1 %", 0.01: "to 1 %", 0.1: "to 10 %", 1.0: "more"}

_PERCENT = {"labelExpr": "format(100 * datum.value, '~g') + ' %'", "tickCount": 5}
# Scale and axis that the vertical axis of `lines` can have. A "small share" is linear up to 0.1 %,
# where most runs end, and logarithmic above.
SCALES: dict[str, tuple[Spec, Spec]] = {
    "linear": ({"zero": False}, {"format": "~g", "tickCount": 5}),
    "log": ({"type": "log"}, {"format": "~g"}),
    "load": ({"domainMin": 0}, _PERCENT),
    "share": ({"domain": [0, 1]}, _PERCENT),
    "small share": (
        {"type": "symlog", "constant": 0.001, "domain": [0, 1]},
        _PERCENT | {"values": [0, 0.001, 0.01, 0.1, 1]},
    ),
}


def lines(
    frame: pd.DataFrame, y: str, title: str, *, by: str = "label", scale: str = "linear"
) -> Spec:
    """A line for each run over the training steps.

    Args:
        frame: columns step, run, and those that `y` and `by` name.
        y: the column that is drawn.
        title: title of its axis.
        by: the column whose values get a colour and dashes each.
        scale: one of `SCALES`; ``log`` leaves out values that are not above 0.
    """
    form, axis = SCALES[scale]
    if scale == "log":
        frame = frame[frame[y] > 0]
        # One grid line a decade; by default Vega draws one at each digit of it.
        low, high = np.floor(np.log10(frame[y].min())), np.ceil(np.log10(frame[y].max()))
        axis = axis | {"values": [10.0**k for k in range(int(low), int(high) + 1)]}
    steps = {"title": "training step", "tickCount": 5, "format": ",d", "grid": False}
    vertical = {"field": y, "type": "quantitative", "scale": form, "axis": {"title": title} | axis}
    return chart(frame[["step", y, by, "run"]]) | {
        "height": HEIGHT,
        "mark": {"type": "line", "strokeWidth": 1.5, "clip": True},
        "encoding": {
            "x": {"field": "step", "type": "quantitative", "axis": steps},
            "y": vertical,
            "detail": {"field": "run"},
            "color": series(frame[by], by),
            "strokeDash": series(frame[by], by, DASHES),
        },
    }


def bars(frame: pd.DataFrame, title: str) -> Spec:
    """Shares of wrong answers as bars, with intervals and counts.

    Args:
        frame: columns value, label, share, low, high, count (a text); in drawing order.
        title: title of the axis of the values.
    """
    # Wide intervals are cut off: those of a handful of problems would leave no room for the bars.
    top = min(1.0, 2.5 * frame["share"].max() or frame["high"].min())
    right = 6.2 * int(frame["count"].str.len().max()) + 8
    x = {
        "type": "quantitative",
        "title": "share wrong (square-root scale)",
        "scale": {"type": "sqrt", "domain": [0, top], "nice": False},
        "axis": _PERCENT | {"values": _ticks(top, 45 / (WIDTH - right - 50))},
    }
    return chart(frame) | {
        "padding": {"left": 2, "top": 2, "bottom": 2, "right": right},
        "height": {"step": 14},
        "encoding": {
            "y": {"field": "value", "type": "nominal", "sort": None, "title": title},
            "yOffset": {"field": "label", "sort": None},
        },
        "layer": [
            {
                "mark": {"type": "bar", "height": 10},
                "encoding": {
                    "x": {"field": "share"} | x,
                    "color": series(frame["label"], "label"),
                },
            },
            {
                "mark": {"type": "rule", "color": INK, "opacity": 0.7, "clip": True},
                "encoding": {"x": {"field": "low"} | x, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "text", "align": "left", "fontSize": 11, "color": INK},
                "encoding": {"x": {"value": {"expr": "width + 5"}}, "text": {"field": "count"}},
            },
        ],
    }


def heat_map(frame: pd.DataFrame, names: list[str], ticks: list[str]) -> Spec:
    """A heat map of the share of wrong answers over two operands, in classes.

    Args:
        frame: columns first, second (names of bins) and share.
        names: names of all bins, in order.
        ticks: names of the bins that are labelled at the axes.
    """
    ends, classes = list(CLASSES), list(CLASSES.values())
    level = [next(CLASSES[end] for end in ends if share <= end) for share in frame["share"]]
    colours = [f"var(--share-{i})" for i in range(len(classes))]
    # Only where the bin begins: whole names would overlap.
    start = "split(datum.label, '-')[0]"
    axis = {"values": ticks, "labelAngle": 0, "labelOverlap": False, "labelExpr": start}
    operand = {"type": "ordinal", "axis": axis}
    return chart(frame[["first", "second"]].assign(level=level)) | {
        "height": WIDTH + 10,
        "mark": {"type": "rect"},
        "encoding": {
            "x": {"field": "first", "title": "first operand", "scale": {"domain": names}} | operand,
            "y": {
                "field": "second",
                "title": "second operand",
                "scale": {"domain": names[::-1]},
            }
            | operand,
            "color": {
                "field": "level",
                "type": "ordinal",
                "scale": {"domain": classes, "range": colours},
                "legend": {"title": "wrong in a cell", "columns": 3},
            },
        },
    }


def divided_cells(frame: pd.DataFrame, tokens: list[str]) -> Spec:
    """A cell for each position and token, divided between the experts by their shares.

    Args:
        frame: columns position, token, expert, share; each cell's shares add up to 1.
        tokens: the rows of cells, from top to bottom.
    """
    end = frame.groupby(["position", "token"])["share"].cumsum()
    # A gap between cells: 4 % on either side.
    left = frame["position"] - 0.46
    experts = list(map(str, range(int(frame["expert"].max()) + 1)))
    cells = frame[["token"]].assign(
        expert=pd.Categorical(frame["expert"].astype(str), experts),
        x=(left + 0.92 * (end - frame["share"])).round(4),
        x2=(left + 0.92 * end).round(4),
    )
    first, last = int(frame["position"].min()), int(frame["position"].max())
    return chart(cells) | {
        "height": {"step": 18},
        "mark": {"type": "bar", "height": 15},
        "encoding": {
            "x": {
                "field": "x",
                "type": "quantitative",
                "title": "position",
                "scale": {"domain": [first - 0.5, last + 0.5], "nice": False, "zero": False},
                "axis": {"values": list(range(first, last + 1)), "format": "d", "grid": False},
            },
            "x2": {"field": "x2"},
            "y": {"field": "token", "type": "nominal", "sort": tokens, "title": "token"},
            "color": series(cells["expert"], "expert", title="expert"),
        },
    }


def _ticks(top: float, label: float) -> list[float]:
    """Round shares from 0 to top, far enough apart for their labels on a square-root scale.

    >>> _ticks(0.07, 0.2)
    [0.0, 0.005, 0.02, 0.05]

    Args:
        top: upper end of the axis.
        label: width of a label, as a share of the axis.
    """
    kept, room = [0.0], 1.0
    for share in (digit * 10.0**power for power in range(0, -9, -1) for digit in (5, 2, 1)):
        position = (share / top) ** 0.5
        if label <= position <= room:
            kept.append(round(share, 12))
            room = position - label
    return sorted(kept)
