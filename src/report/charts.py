"""The kinds of charts, each a function of a data frame."""

from __future__ import annotations

from math import ceil, floor, log10
from typing import Any

import altair as alt
import pandas as pd

from .look import INK, WIDTH, fit, series

# Classes of shares of wrong answers, by their upper ends; in the first, none is wrong.
CLASSES = {
    **{0.0: "none", 0.001: "to 0.1 %", 0.01: "to 1 %"},
    **{0.1: "to 10 %", 0.5: "to 50 %", 1.0: "more"},
}

# Of squares, on every page.
_COLOUR = "var(--series-1)"

# The scale of an axis and the look of its labels.
Scale = tuple[alt.Scale, alt.Axis]
LINEAR: Scale = (alt.Scale(zero=False), alt.Axis(format="~g", tickCount=5))
_PERCENT: dict[str, Any] = {"labelExpr": "format(100 * datum.value, '~g')", "tickCount": 5}


def share_scale(smallest: float, largest: float) -> Scale:
    """Percent, logarithmic, except that 0 stands one step below the smallest power of ten.

    Args:
        smallest: share above 0 that occurs, or that can occur, such as 1 / problems.
        largest: share that occurs.
    """
    low = floor(log10(smallest) + 1e-9)
    high = max(low + 1, min(0, ceil(log10(max(largest, smallest)) - 1e-9)))
    # At most four labels beside 0, counted from the top.
    decades = range(high, low - 1, -ceil((high - low + 1) / 4))
    values = [0.0, *(10.0**power for power in sorted(decades))]
    # symlog(x) is log(1 + x / constant).
    scale = alt.Scale(type="symlog", constant=10.0 ** (low - 1), domain=[0, 10.0**high], nice=False)
    return scale, alt.Axis(values=values, labelOverlap=False, **_PERCENT)


def log_scale(values: pd.Series) -> Scale:
    """Logarithmic for numbers above 0, with a grid line for each power of ten."""
    low, high = floor(log10(values.min())), ceil(log10(values.max()))
    powers = [10.0**k for k in range(low, max(high, low + 1) + 1)]
    scale = alt.Scale(type="log", domain=[powers[0], powers[-1]], nice=False)
    # Vega draws one at each digit of each power unless told otherwise.
    return scale, alt.Axis(format="~g", values=powers)


def linear_shares(largest: float) -> Scale:
    """Percent from 0, linear."""
    return alt.Scale(domain=[0, largest]), alt.Axis(**_PERCENT)


def lines(
    frame: pd.DataFrame, y: str, title: str | None, scale: Scale = LINEAR, by: str = "label"
) -> alt.Chart:
    """A line for each run over the training steps.

    Args:
        frame: columns step, run, and those that `y` and `by` name.
        y: the column that is drawn; of a logarithmic axis, all above 0.
        title: title of its axis.
        by: the column whose values get a colour and dashes each.
    """
    form, axis = scale
    steps = alt.Axis(title="training step", tickCount=5, format=",d", grid=False)
    chart = alt.Chart(frame).mark_line(strokeWidth=1.5, clip=True)
    return chart.encode(
        x=alt.X("step:Q", axis=steps).scale(domainMin=0),
        y=alt.Y(f"{y}:Q", title=title, scale=form, axis=axis),
        detail="run:N",
        **series(frame, by, "color", "strokeDash"),
    )


def curve(frame: pd.DataFrame, x: str, title: str, end: int | None = None) -> alt.LayerChart:
    """A line for each run: the share of right answers, in percent, over whole numbers.

    Args:
        frame: columns label, run, right, and the one that x names.
        title: title of the x axis.
        end: where a dotted line stands.
    """
    form, axis = linear_shares(1.0)
    numbers = alt.Axis(title=title, tickMinStep=1, format="d", grid=False)
    chart = alt.Chart(frame).mark_line(strokeWidth=1.5)
    lines = chart.encode(
        x=alt.X(f"{x}:Q", axis=numbers).scale(nice=False),
        y=alt.Y("right:Q", title="right answers, %", scale=form, axis=axis),
        detail="run:N",
        **series(frame, "label", "color", "strokeDash"),
    )
    if end is None:
        return fit(alt.layer(lines))
    rule = alt.Chart(pd.DataFrame({"end": [end]})).mark_rule(color=INK, strokeDash=[2, 3])
    return fit(alt.layer(lines, rule.encode(x="end:Q")))


def dots(tables: list[tuple[pd.DataFrame, pd.DataFrame]]) -> list[alt.LayerChart]:
    """Shares of wrong answers: a dot for each run with its interval, and counts on the right.

    Args:
        tables: two for each chart. First value, lane, label, problems, share, low, high: a row for
            each dot; then value, lane, count (a text): a row for each lane of a value.

    Returns:
        Charts with the same scale at the same place.
    """
    if not tables:
        return []
    runs, lanes = (pd.concat(column, ignore_index=True) for column in zip(*tables, strict=True))
    smallest = min([share for share in runs["share"] if share], default=1 / runs["problems"].max())
    scale = share_scale(smallest, runs["share"].max())
    names = [_words(name) for name in map(str, lanes["value"])]
    # In pixels: letters are about that wide.
    left = 6.2 * max(len(word) for words in names for word in words)
    right = 5.4 * lanes["count"].str.len().max()
    return [_dots(*pair, scale, left, right) for pair in tables]


def _words(name: str) -> list[str]:
    """The lines of a name at the axis: what an ablation changes goes below the architecture."""
    return name.split() if "=" in name else [name]


def _dots(
    dots: pd.DataFrame, counts: pd.DataFrame, scale: Scale, left: float, right: float
) -> alt.LayerChart:
    points, texts = (t.astype({"value": "str", "lane": "str"}) for t in (dots, counts))
    values, lanes = (list(dict.fromkeys(texts[column])) for column in ("value", "lane"))
    axis = alt.Axis(
        # As `_words` does.
        labelExpr="indexof(datum.label, '=') < 0 ? datum.label : split(datum.label, ' ')",
        domain=False,
        ticks=False,
        tickBand="extent",
        grid=len(values) > 1,
        labelPadding=10,  # a dot at 0 lies half outside
        minExtent=left,
    )
    place = {
        "y": alt.Y("value:N", title=None, axis=axis).scale(domain=values, paddingOuter=0),
        "yOffset": alt.YOffset("lane:N").scale(domain=lanes),
    }
    form, ticks = scale

    def share(column: str) -> alt.X:
        return alt.X(f"{column}:Q", title="wrong answers, %", scale=form, axis=ticks)

    # Where a value is a label, its name stands at the axis.
    room = 0 if set(values) == set(dots["label"]) else WIDTH - left
    looks = series(dots, "label", "color", "shape", room=room)
    end = alt.value(alt.expr(f"width + {8 + right:.0f}"))
    intervals = alt.Chart(points).mark_rule(color=INK, opacity=0.3, clip=True)
    marks = alt.Chart(points).mark_point(filled=True, size=45, opacity=0.85)
    words = alt.Chart(texts).mark_text(align="right", fontSize=11, color=INK)
    chart = alt.layer(
        intervals.encode(x=share("low"), x2="high:Q", **place),
        marks.encode(x=share("share"), **place, **looks),
        words.encode(x=end, text="count:N", **place),
    )
    return fit(chart, alt.Step(15))


def heat_map(frame: pd.DataFrame, names: list[str], ticks: list[str]) -> alt.Chart:
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
    axis = alt.Axis(values=ticks, labelAngle=0, labelOverlap=False, labelExpr=start)
    chart = alt.Chart(frame[["first", "second"]].assign(level=level)).mark_rect()
    encoded = chart.encode(
        x=alt.X("first:O", title="first operand", axis=axis).scale(domain=names),
        y=alt.Y("second:O", title="second operand", axis=axis).scale(domain=names[::-1]),
        color=alt.Color("level:O")
        .scale(domain=classes, range=colours)
        .legend(title="wrong in a cell", columns=3),
    )
    return fit(encoded, WIDTH + 10)


def squares(
    frame: pd.DataFrame, x: str, y: str, titles: tuple[str, str], low: float = 0.0
) -> alt.Chart | alt.FacetChart:
    """A heat map of a share with its percents: the more colour, the larger.

    Args:
        frame: columns share and those that x and y name, which are in the order of their first
            rows, or of their categories; and panel, for several heat maps below each other.
        titles: of both axes.
        low: the share that has no colour.
    """

    def axis(column: str, title: str) -> dict[str, Any]:
        names = getattr(frame[column].dtype, "categories", dict.fromkeys(frame[column]))
        form = alt.Axis(labelAngle=0, labelOverlap=False, title=title)
        return {"axis": form, "scale": alt.Scale(domain=list(map(str, names))), "sort": None}

    # Without those of 0, which would drown the others.
    cells = frame.assign(percent=[f"{100 * share:.0f}".lstrip("0") for share in frame["share"]])
    cells = cells.astype({x: "str", y: "str"})
    base = alt.Chart().encode(
        x=alt.X(f"{x}:N", **axis(x, titles[0])), y=alt.Y(f"{y}:N", **axis(y, titles[1]))
    )
    depth = alt.Scale(domain=[low, 1], range=[0, 0.7], clamp=True)
    colours = base.mark_rect(color=_COLOUR).encode(
        fillOpacity=alt.FillOpacity("share:Q", legend=None, scale=depth)
    )
    words = base.mark_text(fontSize=10, color=INK).encode(text="percent:N")
    height = 15 * frame[y].nunique()
    whole = alt.layer(colours, words, data=cells)
    if "panel" not in frame:
        return fit(whole, height + 40)
    panels = list(dict.fromkeys(frame["panel"]))
    facet = alt.Facet("panel:N", title=None, sort=panels, header=alt.Header(labelAnchor="start"))
    return whole.properties(width=WIDTH - 60, height=height).facet(facet, columns=1)


def divided_cells(frame: pd.DataFrame, tokens: list[str]) -> alt.Chart:
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
    positions = alt.Axis(values=list(range(first, last + 1)), format="d", grid=False)
    chart = alt.Chart(cells).mark_bar(height=15)
    encoded = chart.encode(
        x=alt.X("x:Q", title="position", axis=positions).scale(
            domain=[first - 0.5, last + 0.5], nice=False, zero=False
        ),
        x2="x2:Q",
        y=alt.Y("token:N", sort=tokens, title="token"),
        **series(cells, "expert", "color", title="expert"),
    )
    return fit(encoded, alt.Step(18))
