"""Runs are grouped by all that can change a result, and labelled by what differs, and only that."""

from typing import Any

from src.compare.experiments import Experiment
from src.compare.grouping import data_sets

from ..conftest import tiny_params

DEFAULTS = tiny_params().model_dump()
for _name in ("gpt2", "mixtral"):
    DEFAULTS["models"][_name] = tiny_params(_name).model_config_in_use.model_dump()
MACHINE = {"hardware": "cpu: AVX2, 1 thread, compiled", "torch": "2.13.0"}


def experiment(name: str, seed: int = 0, **changes: Any) -> Experiment:
    """A run whose name begins with its architecture.

    Args:
        changes: sections of params.yaml, metrics, and fields of the run.
    """
    architecture = name.partition("-")[0]
    sections = {key: changes.pop(key, {}) for key in ("models", "training", "evaluation")}
    sections["training"] = {"seed": seed} | sections["training"]
    params = tiny_params(architecture, **sections).model_dump()
    metrics = MACHINE | {"architecture": architecture} | changes.pop("metrics", {})
    fields = {"data": "d1", "code": "c1", "weights": f"of {name}"} | changes
    return Experiment(name, f"commit of {name}", params=params, metrics=metrics, **fields)


def labels(*runs: Experiment) -> dict[str, list[str]]:
    """The names of the runs of each group, for runs on the same data."""
    (data,) = data_sets(runs, DEFAULTS)
    return {label: [run.name for run in group] for label, group in data.groups.items()}


def test_seeds_are_one_group_and_an_ablation_is_named_by_what_differs() -> None:
    assert labels(
        experiment("gpt2-seed0"),
        experiment("gpt2-seed1", 1),
        experiment("llama2-seed1", 1),
        experiment("llama2-seed0"),
        experiment("llama2-ablation", models={"norm": "layernorm"}),
        experiment("llama2-two", models={"norm": "layernorm"}, training={"optimizer": "adamw"}),
    ) == {
        "gpt2": ["gpt2-seed0", "gpt2-seed1"],
        "llama2": ["llama2-seed0", "llama2-seed1"],
        "llama2 norm=layernorm": ["llama2-ablation"],
        "llama2 optimizer=adamw norm=layernorm": ["llama2-two"],
    }


def test_architectures_trained_differently_do_not_look_equal() -> None:
    runs = (experiment("gpt2-a", training={"max_steps": 20}), experiment("llama2-a"))
    assert list(labels(*runs)) == ["gpt2 max_steps=20", "llama2"]
    (data,) = data_sets(runs, DEFAULTS)
    assert data.pairs == []


def test_what_is_graded_in_another_way_is_no_further_seed() -> None:
    assert labels(
        experiment("gpt2-seed0"),
        experiment("gpt2-last", 0, weights="of gpt2-seed0", evaluation={"weights": "last"}),
        experiment("gpt2-sampled", 1, evaluation={"temperature": 0.8}),
        experiment("gpt2-all", 1, evaluation={"batch_size": 7}),
    ) == {
        "gpt2": ["gpt2-seed0", "gpt2-all"],
        "gpt2 weights=last": ["gpt2-last"],
        "gpt2 temperature=0.8": ["gpt2-sampled"],
    }


def test_what_all_have_changed_is_said_once() -> None:
    runs = [experiment(f"{name}-a", training={"max_steps": 20}) for name in ("gpt2", "llama2")]
    (data,) = data_sets(runs, DEFAULTS)
    assert list(data.groups) == ["gpt2", "llama2"]
    assert data.common == ["max_steps=20", "on cpu: AVX2, 1 thread, compiled, torch 2.13.0"]


def test_other_code_threads_compilation_and_versions_are_no_further_seeds() -> None:
    threads = {"hardware": "cpu: AVX2, 2 threads, compiled"}
    plain = {"hardware": "cpu: AVX2, 1 thread"}
    assert labels(
        experiment("gpt2-seed0"),
        experiment("gpt2-seed1", 1),
        experiment("gpt2-code", 2, code="c2"),
        experiment("gpt2-threads", 3, metrics=threads),
        experiment("gpt2-plain", 4, metrics=plain),
        experiment("gpt2-torch", 5, metrics={"torch": "2.12.0"}),
    ) == {
        "gpt2": ["gpt2-seed0", "gpt2-seed1"],
        "gpt2 code=c2": ["gpt2-code"],
        "gpt2 on 2 threads": ["gpt2-threads"],
        "gpt2 without compiled": ["gpt2-plain"],
        "gpt2 on torch 2.12.0": ["gpt2-torch"],
    }


def test_the_same_seed_with_other_weights_stands_apart() -> None:
    assert labels(experiment("gpt2-a"), experiment("gpt2-b"), experiment("gpt2-c", 1)) == {
        "gpt2": ["gpt2-a", "gpt2-c"],
        "gpt2 again (gpt2-b)": ["gpt2-b"],
    }


def test_the_same_weights_count_once_and_the_grade_of_all_problems_first() -> None:
    whole = experiment("gpt2-whole", weights="w", metrics={"exhaustive_problems": 1000})
    for name in ("gpt2-again", "gpt2-zz"):
        (data,) = data_sets([whole, experiment(name, weights="w")], DEFAULTS)
        assert data.groups == {"gpt2": [whole]}
        assert data.repeated == [(name, "gpt2-whole")]


def test_each_data_set_has_its_own_groups_and_a_name() -> None:
    runs = [
        experiment("gpt2-a"),
        experiment("gpt2-b", data="d2"),
        experiment("llama2-a"),
    ]
    assert [(d.label, list(d.groups)) for d in data_sets(runs, DEFAULTS)] == [
        ("data d1", ["gpt2", "llama2"]),
        ("data d2", ["gpt2"]),
    ]


def test_data_is_named_by_its_parameters() -> None:
    small = tiny_params("gpt2", data={"B": 9, "n_samples": 50}).model_dump()
    runs = [
        experiment("gpt2-a"),
        Experiment("gpt2-b", "r", "d2", small, MACHINE | {"architecture": "gpt2"}, "c1", "w"),
    ]
    assert [d.label for d in data_sets(runs, DEFAULTS)] == [
        "B=99 n_samples=1000",
        "B=9 n_samples=50",
    ]


def test_an_ablation_is_compared_with_its_default() -> None:
    fewer = {"max_steps": 20}
    runs = [
        experiment("gpt2-a"),
        experiment("llama2-a"),
        experiment("llama2-b", models={"norm": "layernorm"}),
        experiment("llama2-c", training=fewer),
        experiment("gpt2-c", training=fewer),
    ]
    (data,) = data_sets(runs, DEFAULTS)
    assert set(data.pairs) == {
        ("gpt2", "llama2"),
        ("gpt2", "gpt2 max_steps=20"),
        ("llama2", "llama2 norm=layernorm"),
        ("llama2", "llama2 max_steps=20"),
        ("gpt2 max_steps=20", "llama2 max_steps=20"),
    }


def test_without_its_default_the_nearest_to_it_takes_its_place() -> None:
    runs = [
        experiment("llama2-a", models={"norm": "layernorm"}),
        experiment("llama2-b", models={"norm": "layernorm"}, training={"optimizer": "adamw"}),
    ]
    (data,) = data_sets(runs, DEFAULTS)
    assert data.common[0] == "llama2.norm=layernorm"
    assert data.pairs == [("llama2", "llama2 optimizer=adamw")]


def test_runs_on_problems_written_in_another_way_stand_apart() -> None:
    """As on any other data: what is asked is another thing."""
    reverse = experiment("llama2-reverse", data="d2", weights="of llama2-plain")
    reverse.params["data"]["format"] = "reverse"
    # Of before there was a choice.
    old = experiment("gpt2-old")
    del old.params["data"]["format"]
    found = data_sets([experiment("llama2-plain"), reverse, old], DEFAULTS)
    assert {data.label: list(data.groups) for data in found} == {
        "format=plain": ["gpt2", "llama2"],
        "format=reverse": ["llama2"],
    }
