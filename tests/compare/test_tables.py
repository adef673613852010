"""The tables hold the committed figures, and stand in README and docs as in their file."""

import csv
import json
import math
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest

from src.common.errors import UserError
from src.common.marked_section import END, insert
from src.common.visible import visible
from src.compare.__main__ import BEGIN, write
from src.compare.comparison import Comparison
from src.compare.experiments import Experiment
from src.compare.figures import architectures, exhaustive, runs
from src.compare.grouping import data_sets
from src.compare.tables import markdown, summary, to_json

from ..common.test_markdown import PARSER
from ..conftest import ROOT, tiny_params
from .test_grouping import DEFAULTS


def run_of(architecture: str, seed: int, wrong: int, **metrics: Any) -> Experiment:
    values = {
        "architecture": architecture,
        "exact_match": 1 - wrong / 1000,
        "exact_match_low": 0.9,
        "exact_match_high": 1.0,
        "wrong": wrong,
        "problems": 1000,
        "loss": wrong / 1e4,
        "best_step": 90,
        "steps": 100,
        "steps_to_90": 50 + 10 * seed,
        "steps_to_99": None if seed else 70,
        "steps_to_99_9": None,
        "problems_seen": 6400,
        "training_flops": 2 * 10**12,
        "parameters": 800_000,
        "active_parameters": 700_000,
    }
    params = tiny_params(architecture, training={"seed": seed}).model_dump()
    name = f"{architecture}-seed{seed}"
    cost = {"seconds": 90.0, "processor": "A processor", "ended": "2026-11-29T12:00:00+00:00"}
    return Experiment(name, name, "d", params, values | metrics, weights=name, cost=cost)


GROUPS = {
    "gpt2": [run_of("gpt2", seed, wrong) for seed, wrong in enumerate((4, 8, 6))],
    "llama2": [run_of("llama2", 0, 7)],
}


def test_an_architecture_is_summed_up_over_its_seeds() -> None:
    gpt2, llama2 = architectures(GROUPS).to_dict("records")
    assert (gpt2["label"], gpt2["seeds"]) == ("gpt2", 3)
    assert gpt2["exact_match_mean"] == pytest.approx(0.994)
    assert gpt2["exact_match_sd"] == pytest.approx(0.002)
    assert (gpt2["exact_match_min"], gpt2["exact_match_max"]) == (0.992, 0.996)
    assert gpt2["loss_mean"] == pytest.approx(6e-4)
    assert gpt2["steps_to_90"] == 60
    # Two seeds never got there: a mean of those that did would flatter.
    assert math.isnan(gpt2["steps_to_99"])
    assert math.isnan(llama2["exact_match_sd"])
    assert llama2["steps_to_99"] == 70


def test_every_run_keeps_its_own_figures() -> None:
    table = runs(GROUPS)
    assert table["experiment"].tolist() == [
        "gpt2-seed0",
        "gpt2-seed1",
        "gpt2-seed2",
        "llama2-seed0",
    ]
    assert table["wrong"].tolist() == [4, 8, 6, 7]


def test_all_problems_are_counted_by_lengths_over_the_splits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graded = run_of("llama2", 1, 3, exhaustive_problems=1100)
    rows = [
        ("train", "all", "all", 300, 2),
        ("unseen", "all", "all", 800, 5),
        ("train", "operand_lengths", "1+1", 60, 2),
        ("unseen", "operand_lengths", "1+1", 40, 1),
        ("train", "operand_lengths", "1+2", 240, 0),
        ("unseen", "operand_lengths", "1+2", 760, 4),
        ("unseen", "carries", "1", 800, 5),
    ]
    table = pd.DataFrame(rows, columns=["split", "kind", "value", "problems", "wrong"])
    monkeypatch.setattr(Experiment, "table", lambda self, path: table)
    # The others have not graded all.
    (row,) = exhaustive(GROUPS | {"graded": [graded]}).to_dict("records")
    assert row == {
        "experiment": "llama2-seed1",
        "problems": 1100,
        "wrong": 7,
        "wrong_1+1": 3,
        "problems_1+1": 100,
        "wrong_1+2": 4,
        "problems_1+2": 1000,
    }
    content: dict[str, Any] = {name: [] for name in ("architectures", "runs", "pairs", "notes")}
    data = {"label": "d", "common": []}
    tables = markdown(content | {"data": [data], "exhaustive": [row | {"data": "d"}]})
    assert "| wrong, by operands' digits | all | 1+1 of 100 | 1+2 of 1,000 |" in tables
    assert "| llama2-seed1 | 7 of 1,100 | 3 | 4 |" in tables


def test_the_summary_has_the_wrong_answers_of_runs_that_graded_all_problems() -> None:
    content = {
        "architectures": architectures(GROUPS).to_dict("records"),
        "runs": runs(GROUPS).to_dict("records"),
        "exhaustive": [
            {"experiment": f"gpt2-seed{seed}", "problems": 1100, "wrong": wrong}
            for seed, wrong in ((1, 7), (2, 3))
        ],
    }
    heading, _, gpt2, llama2 = summary(content).splitlines()
    assert heading.split(" | ")[3] == "wrong of all problems"
    assert gpt2.startswith("| gpt2 | 99.40% of 3 | 99.20% .. 99.60% | 3 .. 7 of 1,100 | 800,000 |")
    assert llama2.split(" | ")[3] == "-"


def test_the_tables_go_between_the_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = {"gpt2-seed0": [1, 2, 3], "llama2-seed0": [3, 4, 5, 6, 7, 8]}
    monkeypatch.setattr(
        Experiment,
        "table",
        lambda run, path: pd.DataFrame({"prompt": [f"{n}+1=" for n in errors.get(run.name, [])]}),
    )
    found = data_sets([run for group in GROUPS.values() for run in group], DEFAULTS)
    tables = markdown(to_json(Comparison(["1" * 40], found, ["Left out: a, which failed."])))
    assert (
        "| gpt2 | 99.40% of 3 seeds | 0.20% | 99.20% .. 99.60% | 0.00060 | 60 | - | - |" in tables
    )
    assert "| llama2 | 99.30% of 1 seed | - | 99.30% .. 99.30% |" in tables
    assert "| gpt2-seed0 | gpt2 | 0 | 99.60% (90.00% .. 100.00%) | 4 of 1,000 |" in tables
    assert "| 1.5 min | A processor | 2026-11-29 |" in tables
    # One seed in common: the sign test, without an interval. Two only gpt2 misses, five llama2.
    assert (
        "| gpt2 - llama2 | +0.300 | - | 0.45 | 0.45 | sign test, 1 seed x 1,000 problems |"
        in tables
    )
    assert tables.endswith("- Left out: a, which failed.\n")
    text = insert(f"above\n{BEGIN}\nold\n{END}\nbelow\n", tables, BEGIN)
    assert text == f"above\n{BEGIN}\n{tables}{END}\nbelow\n"
    assert insert(text, tables, BEGIN) == text
    with pytest.raises(UserError, match="marks"):
        insert("a README without marks", tables, BEGIN)


STRANGE = ("a|b", "<script>alert(1)</script>", "<!-- end -->", "`x`\n\n# y", "*=1*|", "=1+1")


def test_names_from_outside_stay_in_their_cells(tmp_path: Path) -> None:
    strange = [
        replace(run_of("gpt2", seed, 0), name=name, cost={"seconds": 1.0} | {"processor": name})
        for seed, name in enumerate(STRANGE)
    ]
    found = data_sets([*strange, replace(run_of("llama2", 0, 0), data="d2")], DEFAULTS)
    content = to_json(Comparison(["1" * 40], found, [f"Left out: {name}." for name in STRANGE]))
    content["data"][0]["label"] = "a|b <i>"
    content["architectures"][0]["data"] = content["data"][0]["label"]
    for each in content["runs"]:
        each["data"] = content["data"][0]["label"]
    page = PARSER.render(markdown(content))
    root = ElementTree.fromstring(f"<page>{page}</page>")
    assert [each.text for each in root.iter("h3")] == ["Data: a|b <i>", "Data: data d2"]
    shown = [cells for tr in root.iter("tr") if len(cells := [td.text for td in tr]) == 13]
    assert {(cells[0], cells[11]) for cells in shown} >= {
        (visible(name), visible(name)) for name in STRANGE
    }
    assert [each.text for each in root.iter("li")] == [
        f"Left out: {visible(name)}." for name in STRANGE
    ]
    assert {each.tag for each in root.iter()} <= {
        *("page", "p", "em", "h3", "ul", "li", "table", "thead", "tbody", "tr", "th", "td")
    }

    write(content, tmp_path)
    with (tmp_path / "comparison.csv").open(newline="") as file:
        names = [row["experiment"] for row in csv.DictReader(file)]
    assert sorted(names) == sorted([*STRANGE[:-1], "'=1+1", "llama2-seed0"])


def committed(path: str) -> str:
    """A file as HEAD has it: the workspace may hold somebody's experiment."""
    show = ["git", "show", f"HEAD:./{path}"]
    return subprocess.run(show, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_pages_show_the_committed_comparison() -> None:
    content = json.loads(committed("metrics/comparison.json"))
    assert committed("metrics/comparison.md") == markdown(content)
    for name, tables in (("README.md", summary), ("docs/comparing.md", markdown)):
        page = committed(name)
        assert insert(page, tables(content), BEGIN) == page
    rows = list(csv.DictReader(committed("metrics/comparison.csv").splitlines()))
    assert [row["experiment"] for row in rows] == [row["experiment"] for row in content["runs"]]
    assert [int(row["wrong"]) for row in rows] == [row["wrong"] for row in content["runs"]]


def test_comparison_holds_the_committed_run() -> None:
    metrics = json.loads(committed("metrics/eval.json"))
    content = json.loads(committed("metrics/comparison.json"))
    (compared,) = (
        row
        for row in content["runs"]
        if row["architecture"] == metrics["architecture"] and row["seed"] == 0
    )
    for name in ("exact_match", "wrong", "loss", "parameters"):
        assert compared[name] == metrics[name]
