"""The charts of a study's page, with published figures in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import altair as alt
import pandas as pd

from ..report import look
from ..report.charts import Scale, linear_shares
from ..report.look import FONT, INK, fit, series
from ..report.svg import draw
from .file import DIGITS, OF_LENGTHS, Chart, Study, chosen
from .summary import Line, is_share

_COLOURS = Path(look.__file__).with_name("colours.css")
_PAPER = f"svg {{ color: var(--ink); background: var(--paper); font-family: {FONT}; }}"
# Titles of axes for columns whose names do not say it.
_WORDS = {
    "digits": "digits of the operands",
    "chain": "columns side by side that carry",
    "tokens_seen": "tokens seen in training",
    "training_flops": "FLOPs of the training",
    "problems_seen": "problems seen in training",
}


def picture(study: Study, chart: Chart, found: Sequence[Line], name: str) -> str:
    """A chart as an SVG file, which knows its colours on a light and on a dark page.

    Args:
        found: all lines of the study.
        name: see `svg.draw`.

    Returns:
        The file's text; empty where no run that belongs in the chart has finished.
    """
    kept = [line for line in found if len(line.rows) and chosen(line.place, chart.where)]
    if not kept:
        return ""
    drawn = draw(_chart(study, chart, kept), name, chart.title)
    begin, _, rest = drawn.partition(">")
    return f"{begin}><style>{_COLOURS.read_text()}{_PAPER}</style>{rest}\n"


def _chart(study: Study, chart: Chart, found: Sequence[Line]) -> alt.LayerChart:
    y = chart.y or study.measure[0]
    if chart.x in OF_LENGTHS:
        parts = [_points_by_length(study, line, chart, chart.x) for line in found]
        others = _published(study, chart, found)
        return _curves(pd.concat(parts), others, chart.x, f"{DIGITS}_1", numeric=True)
    runs = pd.concat([_run_points(study, line, chart, y) for line in found], ignore_index=True)
    if chart.x is None:
        return _dots(runs, y)
    others = _published(study, chart, found) if y == study.measure[0] else pd.DataFrame()
    numeric = bool(pd.to_numeric(runs["x"], errors="coerce").notna().all())
    return _curves(runs, others, chart.x, y, numeric)


def _name(study: Study, chart: Chart, place: dict[str, str]) -> str:
    """A line's name: its values on the axes that neither the chart's x nor its filter say."""
    along = chart.along or chart.x
    values = [
        place[axis]
        for axis in study.names
        if axis != along and len(chart.where.get(axis, study.values(axis))) > 1 and axis in place
    ]
    return ", ".join(values) or "all"


def _run_points(study: Study, line: Line, chart: Chart, y: str) -> pd.DataFrame:
    """A point for each run of a line."""
    name, along = _name(study, chart, line.place), chart.along or chart.x
    step = study.values(along).index(line.place[along]) if along else 0
    # An axis may be called like a column, such as problems.
    x = line.place[chart.x] if chart.x in study.names else line.rows[chart.x] if chart.x else name
    y_values = line.rows[y].astype(float)
    return pd.DataFrame({"line": name, "x": x, "y": y_values, "step": step})


def _points_by_length(study: Study, line: Line, chart: Chart, x: str) -> pd.DataFrame:
    columns = [c for c in line.rows if str(c).startswith(f"{x}_")]
    wide = line.rows[["seed", *columns]].melt("seed", var_name="x", value_name="y").dropna()
    wide["x"] = wide["x"].str.rpartition("_")[2].astype(float)
    wide["y"] = wide["y"].astype(float)
    name = _name(study, chart, line.place)
    return wide.assign(line=name, step=wide["x"])


def _published(study: Study, chart: Chart, found: Sequence[Line]) -> pd.DataFrame:
    """Points of published figures, in the colour of the first line that they belong to."""
    parts = []
    for each in study.published:
        alike = [line for line in found if chosen(line.place, each.where)]
        if each.of == chart.x and alike:
            frame = pd.DataFrame({"x": list(each.values), "y": list(each.values.values())})
            parts.append(frame.assign(line=_name(study, chart, alike[0].place)))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _axis(x: str, frame: pd.DataFrame, numeric: bool) -> alt.X:
    title = _WORDS.get(x, x)
    if not numeric:
        names = list(dict.fromkeys(frame.sort_values("step")["x"]))
        return alt.X("x:N", axis=alt.Axis(title=title, labelAngle=0, grid=False)).scale(
            domain=names
        )
    numbers = sorted(set(frame["x"].astype(float)))
    low, high = numbers[0], numbers[-1]
    axis = alt.Axis(title=title, format="~s", tickCount=6, grid=False, labelOverlap=True)
    if low > 0 and high / low >= 8 and x not in OF_LENGTHS:
        values = numbers if len(numbers) <= 10 else None
        axis = alt.Axis(
            title=title, format="~s", grid=False, labelOverlap=True, values=values or alt.Undefined
        )
        return alt.X("x:Q", axis=axis).scale(type="log", domain=[low, high], nice=False)
    return alt.X("x:Q", axis=axis).scale(zero=False, nice=False)


def _scale(y: str) -> Scale:
    title = _WORDS.get(y, "right answers, %" if is_share(y) else y)
    if not is_share(y):
        return alt.Scale(zero=False), alt.Axis(title=title, format="~s", tickCount=5)
    form, axis = linear_shares(1.0)
    axis.title = title
    return form, axis


def _curves(
    runs: pd.DataFrame, others: pd.DataFrame, x: str, y: str, numeric: bool
) -> alt.LayerChart:
    """The median of each line, a dot for each run, and hollow diamonds for published figures."""
    if numeric:
        runs = runs.assign(x=pd.to_numeric(runs["x"]))
    runs = runs.astype({"y": float}).dropna(subset=["y"])
    medians = runs.groupby(["line", "step"], sort=False, as_index=False).agg(
        x=("x", "median" if numeric else "first"), y=("y", "median")
    )
    looks = series(medians, "line", "color")
    form, axis = _scale(y)
    place = {"x": _axis(x, medians, numeric), "y": alt.Y("y:Q", axis=axis, scale=form)}
    joined = alt.Chart(medians).mark_line(strokeWidth=1.8, clip=True)
    layers = [joined.encode(**place, order="step:Q", **looks)]
    if x not in OF_LENGTHS:
        dots = alt.Chart(runs).mark_point(filled=True, size=14, opacity=0.7)
        layers.append(dots.encode(**place, **looks))
    if len(others):
        if numeric:
            others = others.assign(x=pd.to_numeric(others["x"]))
            others = others[others["x"].between(medians["x"].min(), medians["x"].max())]
        marks = alt.Chart(others).mark_point(shape="diamond", filled=False, size=45)
        thin = alt.Chart(others).mark_line(strokeWidth=1, strokeDash=[2, 3])
        layers += [part.encode(**place, **looks) for part in (thin, marks)]
    return fit(alt.layer(*layers))


def _dots(runs: pd.DataFrame, y: str) -> alt.LayerChart:
    """A dot for each run, a row for each line, its median as a stroke."""
    names = list(dict.fromkeys(runs["x"]))
    form, axis = _scale(y)
    across = alt.X("y:Q", axis=axis, scale=form)
    down = alt.Y("x:N", title=None, axis=alt.Axis(grid=True, labelLimit=220)).scale(domain=names)
    runs = runs.astype({"y": float}).dropna(subset=["y"])
    middle = runs.groupby("x", sort=False, as_index=False)["y"].median()
    dots = alt.Chart(runs).mark_point(filled=True, size=40, opacity=0.7)
    strokes = alt.Chart(middle).mark_tick(thickness=2, size=14, color=INK)
    layers = alt.layer(dots.encode(x=across, y=down), strokes.encode(x=across, y=down))
    return fit(layers, alt.Step(18))
