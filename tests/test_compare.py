"""The comparison counts each finished run once, and only runs that compare."""

import json
import subprocess
from io import StringIO
from typing import Any

import pandas as pd
import pytest

from src.compare import BEGIN, END, README, finished, insert, markdown
from src.errors import UserError


def row(architecture: str, wrong: float, **changes: Any) -> dict[str, Any]:
    """A row as ``dvc.api.exp_show`` returns it: all numbers are floats."""
    values = {
        "Experiment": architecture,
        "typ": "branch_commit",
        "State": None,
        "architecture": architecture,
        "exact_match": 1 - wrong / 1000,
        "exact_match_low": 0.98,
        "exact_match_high": 0.999,
        "wrong": wrong,
        "problems": 1000.0,
        "loss": 0.01,
        "parameters": 800_000.0,
        "active_parameters": 700_000.0,
        "best_step": 90.0,
        "steps": 100.0,
        "models": f"{architecture}.dir",
        "data/arithmetic": "data.dir",
    }
    return values | changes


def test_each_run_counts_once() -> None:
    rows = [
        row("llama2", 7, typ="baseline", Experiment=None),
        row("llama2", 7, Experiment="again", State="Success"),
        row("gpt2", 4),
        row("gpt2", 6, models="another seed"),
    ]
    table = finished(rows)
    assert table[["architecture", "wrong"]].to_numpy().tolist() == [
        ["gpt2", 6],
        ["gpt2", 4],
        ["llama2", 7],
    ]


def test_failed_and_unfinished_runs_are_left_out() -> None:
    # DVC shows them with the metrics of the commit that they started from.
    rows = [
        row("gpt2", 4),
        row("mixtral", 7, State="Failed", models="x"),
        row("mixtral", 7, State="Running", models="y"),
        row("mixtral", 7, State="Queued", models="z"),
    ]
    assert finished(rows)["architecture"].tolist() == ["gpt2"]


def test_nothing_to_compare_is_told() -> None:
    for rows in (
        [],
        [{"State": None}],
        [row("gpt2", 1, exact_match="None")],
        [row("gpt2", 1, State="Failed")],
    ):
        with pytest.raises(UserError, match="no finished experiment of this commit"):
            finished(rows)


def test_different_data_is_refused() -> None:
    rows = [row("gpt2", 4), row("llama2", 4, **{"data/arithmetic": "other.dir"})]
    with pytest.raises(UserError, match="different data"):
        finished(rows)


def test_the_table_goes_between_the_marks() -> None:
    table = markdown(finished([row("gpt2", 4)]))
    assert "| gpt2 | 99.60% (98.00% .. 99.90%) | 4 of 1,000 | 0.01000 | 800,000 |" in table
    text = insert(f"above\n{BEGIN}\nold\n{END}\nbelow\n", table)
    assert text == f"above\n{BEGIN}\n{table}{END}\nbelow\n"
    assert insert(text, table) == text
    with pytest.raises(UserError, match="marks"):
        insert("a README without marks", table)


def committed(path: str) -> str:
    """A file as HEAD has it: the workspace may hold somebody's experiment."""
    show = ["git", "show", f"HEAD:{path}"]
    folder = README.parent
    return subprocess.run(show, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_readme_shows_the_committed_comparison() -> None:
    table = pd.read_csv(StringIO(committed("metrics/comparison.csv")))
    readme = committed("README.md")
    assert committed("metrics/comparison.md") == markdown(table)
    assert insert(readme, markdown(table)) == readme


def test_comparison_holds_the_committed_run() -> None:
    metrics = json.loads(committed("metrics/eval.json"))
    table = pd.read_csv(StringIO(committed("metrics/comparison.csv")))
    compared = table.set_index("architecture").loc[metrics["architecture"]]
    for name in ("exact_match", "wrong", "loss", "parameters"):
        assert compared[name] == metrics[name]
