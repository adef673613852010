"""Finished experiments count once for each set of weights, and are grouped by configuration."""

from typing import Any

import pytest

from src.common.errors import UserError
from src.compare.experiments import Experiment, group, select

from ..conftest import tiny_params


def row(name: str | None, **changes: Any) -> dict[str, Any]:
    """A row as ``dvc.api.exp_show`` returns it."""
    values = {"Experiment": name, "rev": "1234567", "typ": "branch_commit", "State": None}
    return values | {"models": f"{name}.dir", "exact_match": 0.97} | changes


def experiment(name: str, seed: int = 0, data: str = "data.dir", **model: Any) -> Experiment:
    architecture = name.partition("-")[0]
    params = tiny_params(architecture, models=model, training={"seed": seed}).model_dump()
    return Experiment(name, "1234567", data, params, {"architecture": architecture})


def test_each_set_of_weights_counts_once() -> None:
    rows = [
        row(None, typ="baseline", models="a.dir"),
        row("a"),
        row("again", models="a.dir", State="Success"),
        row("b"),
    ]
    finished, left_out = select(rows)
    assert [row["Experiment"] for row in finished] == ["a", "b"]
    assert left_out == []


def test_of_the_same_weights_the_exhaustive_grade_counts() -> None:
    whole = row("whole", models="a.dir", exhaustive_problems=1e6)
    sample = row("sample", models="a.dir", exhaustive_problems="None")
    for rows in ([whole, sample], [sample, whole]):
        assert select(rows)[0] == [whole]


def test_failed_and_unfinished_runs_are_left_out_by_state() -> None:
    # DVC shows them with the metrics of the commit that they started from.
    rows = [row("a"), *(row(s, State=s) for s in ("Failed", "Running", "Queued"))]
    finished, left_out = select(rows)
    assert [row["Experiment"] for row in finished] == ["a"]
    assert left_out == [("Failed", "Failed"), ("Queued", "Queued"), ("Running", "Running")]


def test_a_run_that_failed_first_and_was_run_again_is_not_left_out() -> None:
    assert select([row("a", State="Failed"), row("a", State="Success")])[1] == []


def test_seeds_are_one_group_and_configurations_are_told_apart() -> None:
    runs = [
        experiment("gpt2-seed0"),
        experiment("gpt2-seed1", 1),
        experiment("llama2-seed0"),
        experiment("llama2-seed1", 1),
        experiment("llama2-ablation", norm="layernorm"),
    ]
    groups = group(runs)
    assert {label: [run.name for run in members] for label, members in groups.items()} == {
        "gpt2": ["gpt2-seed0", "gpt2-seed1"],
        "llama2 norm=rmsnorm": ["llama2-seed0", "llama2-seed1"],
        "llama2 norm=layernorm": ["llama2-ablation"],
    }


def test_different_data_is_refused_with_examples() -> None:
    with pytest.raises(UserError, match=r"different data .*gpt2-seed0.* llama2-seed0"):
        group([experiment("gpt2-seed0"), experiment("llama2-seed0", data="other.dir")])
