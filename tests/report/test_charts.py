"""A chart holds the figures of its data frame, on scales that can be read off."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest

from src.report.charts import (
    CLASSES,
    divided_cells,
    dots,
    heat_map,
    lines,
    log_scale,
    share_scale,
)
from src.report.look import ARCHITECTURES, series
from src.report.pooling import pooled, with_shares


def spec(chart: alt.TopLevelMixin) -> dict[str, Any]:
    return chart.to_dict()


def rows_of(chart: alt.TopLevelMixin) -> list[dict[str, Any]]:
    """The rows of the chart's only data set."""
    (rows,) = spec(chart)["datasets"].values()
    return rows


def position(scale: dict[str, Any], share: float) -> float:
    """Where Vega's symlog puts a share, in powers of ten."""
    return float(np.log1p(share / scale["constant"]) / np.log(10))


@pytest.mark.parametrize(
    ("smallest", "largest", "ticks"),
    [
        # 128 of 1,000,000 at most; 30 % of 1,000; all of 10,000; none of 10,000.
        (1e-6, 1.28e-4, [0, 1e-6, 1e-5, 1e-4, 1e-3]),
        (1e-3, 0.3, [0, 1e-3, 1e-2, 0.1, 1]),
        (1e-4, 1.0, [0, 1e-4, 0.01, 1]),
        (1e-4, 0.0, [0, 1e-4, 1e-3]),
    ],
)
def test_shares_of_every_size_and_0_have_a_place(
    smallest: float, largest: float, ticks: list[float]
) -> None:
    scale, axis = (part.to_dict() for part in share_scale(smallest, largest))
    assert axis["values"] == pytest.approx(ticks)
    assert scale["domain"][0] == 0
    assert scale["domain"][1] >= largest
    # 0 is about one power of ten to the left of the smallest share, and others are even.
    assert position(scale, 0) == 0
    assert position(scale, smallest) == pytest.approx(1.04, abs=0.01)
    assert position(scale, 100 * smallest) == pytest.approx(3, abs=0.01)


def test_charts_of_one_call_have_one_scale() -> None:
    def table(problems: int, wrong: list[int]) -> pd.DataFrame:
        rows = {"value": "v", "lane": "gpt2", "label": "gpt2", "problems": problems, "wrong": wrong}
        return with_shares(pd.DataFrame(rows))

    tables = [table(100, [30, 50]), table(1_000_000, [0, 1])]
    one, other = map(spec, dots([(each, pooled(each)) for each in tables]))
    assert one["layer"][1]["encoding"]["x"] == other["layer"][1]["encoding"]["x"]
    # A dot for each run, on its interval, and one count.
    points, counts = one["datasets"].values()
    assert [row["share"] for row in points] == [0.3, 0.5]
    assert all(row["low"] < row["share"] < row["high"] for row in points)
    assert [row["count"] for row in counts] == ["80 of 200"]


def test_an_ablation_has_its_architectures_colour_and_its_own_shape_and_dashes() -> None:
    names = [*ARCHITECTURES, "llama2 norm=layernorm"]
    frame = pd.DataFrame({"label": pd.Categorical(names, names)})
    looks = series(frame, "label", "color", "shape", "strokeDash")
    found = {key: channel.to_dict()["scale"]["range"] for key, channel in looks.items()}
    assert found["color"] == [f"var(--series-{i})" for i in (1, 2, 3, 2)]
    assert len(set(found["shape"])) == len(set(map(str, found["strokeDash"]))) == 4
    # Alone on a page it looks the same.
    alone = series(frame[1:2].assign(label="llama2"), "label", "color")["color"]
    assert alone.to_dict()["scale"]["range"] == ["var(--series-2)"]
    # Nobody takes an expert for an architecture.
    experts = series(pd.DataFrame({"expert": list("01234")}), "expert", "color")["color"]
    assert not set(experts.to_dict()["scale"]["range"]) & set(found["color"])


def test_a_name_keeps_its_looks_where_others_are_missing() -> None:
    label = pd.Categorical(["llama2", "mixtral"], ["gpt2", "llama2", "mixtral"])
    channel = series(pd.DataFrame({"label": label}), "label", "shape")["shape"].to_dict()
    shapes = dict(zip(*channel["scale"].values(), strict=True))
    assert shapes["llama2"] == "square"
    assert channel["legend"]["values"] == ["llama2", "mixtral"]


def test_shares_fall_into_their_classes() -> None:
    shares = [0, 1e-9, 0.001, 0.0011, 0.1, 0.2, 1]
    frame = pd.DataFrame({"first": "0", "second": "1", "share": shares})
    chart = heat_map(frame, ["0", "1"], ["0"])
    none, to_first, to_second, to_third, to_fourth, more = CLASSES.values()
    levels = [row["level"] for row in rows_of(chart)]
    assert levels == [none, to_first, to_first, to_second, to_third, to_fourth, more]
    assert spec(chart)["encoding"]["color"]["scale"]["domain"] == list(CLASSES.values())


def test_a_cell_is_divided_by_the_experts_shares() -> None:
    rows = [(0, "<bos>", 1, 1.0), (1, "5", 0, 0.25), (1, "5", 1, 0.75)]
    frame = pd.DataFrame(rows, columns=["position", "token", "expert", "share"])
    cells = rows_of(divided_cells(frame, ["5"]))
    assert [(r["token"], r["expert"], r["x"], r["x2"]) for r in cells] == [
        ("<bos>", "1", -0.46, 0.46),
        ("5", "0", 0.54, 0.77),
        ("5", "1", 0.77, 1.46),
    ]


def test_logarithmic_axes_have_a_line_for_each_power_of_ten() -> None:
    frame = pd.DataFrame({"step": [1, 2], "loss": [20.0, 0.004], "label": "gpt2", "run": "a"})
    y = spec(lines(frame, "loss", None, log_scale(frame["loss"])))["encoding"]["y"]
    assert y["axis"]["values"] == pytest.approx([0.001, 0.01, 0.1, 1, 10, 100])
    assert y["scale"]["domain"] == pytest.approx([0.001, 100])
