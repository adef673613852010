"""A chart's specification holds the figures of its data frame."""

import pandas as pd
import pytest

from src.report.charts import CLASSES, bars, divided_cells, heat_map, lines


def test_shares_fall_into_their_classes() -> None:
    shares = [0, 1e-9, 0.001, 0.0011, 0.1, 0.2, 1]
    frame = pd.DataFrame({"first": "0", "second": "1", "share": shares})
    spec = heat_map(frame, ["0", "1"], ["0"])
    levels = [row["level"] for row in spec["data"]["values"]]
    none, to_first, to_second, to_third, more = CLASSES.values()
    assert levels == [none, to_first, to_first, to_second, to_third, more, more]
    assert spec["encoding"]["color"]["scale"]["domain"] == [
        none,
        to_first,
        to_second,
        to_third,
        more,
    ]


def test_a_cell_is_divided_by_the_experts_shares() -> None:
    rows = [(0, "<bos>", 1, 1.0), (1, "5", 0, 0.25), (1, "5", 1, 0.75)]
    spec = divided_cells(
        pd.DataFrame(rows, columns=["position", "token", "expert", "share"]), ["5"]
    )
    spans = [(r["token"], r["expert"], r["x"], r["x2"]) for r in spec["data"]["values"]]
    assert spans == [
        ("<bos>", "1", -0.46, 0.46),
        ("5", "0", 0.54, 0.77),
        ("5", "1", 0.77, 1.46),
    ]


def test_logarithmic_lines_leave_out_what_has_no_logarithm() -> None:
    rows = {"step": [1, 2, 3], "loss": [20.0, 0.004, 0.0], "label": "a", "run": "a"}
    spec = lines(pd.DataFrame(rows), "loss", "loss", scale="log")
    assert [row["loss"] for row in spec["data"]["values"]] == [20.0, 0.004]
    assert spec["encoding"]["y"]["axis"]["values"] == [0.001, 0.01, 0.1, 1, 10, 100]
    assert len(lines(pd.DataFrame(rows), "loss", "loss")["data"]["values"]) == 3


def test_a_name_keeps_its_colour_where_others_are_missing() -> None:
    label = pd.Categorical(["b", "b"], ["a", "b"])
    rows = {"value": [0, 1], "share": 0.1, "low": 0.0, "high": 0.2, "count": "1 of 10"}
    colour = bars(pd.DataFrame(rows | {"label": label}), "carries")["layer"][0]["encoding"]["color"]
    assert dict(zip(*colour["scale"].values(), strict=True))["b"] == "var(--series-2)"
    assert colour["legend"]["values"] == ["b"]


@pytest.mark.parametrize("share", [0.0, 0.003, 1.0])
def test_bars_fit_their_axis(share: float) -> None:
    row = {"value": 0, "share": share, "low": 0.0, "high": 1.0, "label": "a", "count": "1 of 3"}
    spec = bars(pd.DataFrame([row]), "carries")
    x = spec["layer"][0]["encoding"]["x"]
    assert share <= x["scale"]["domain"][1] <= 1
    assert len(x["axis"]["values"]) >= 2
