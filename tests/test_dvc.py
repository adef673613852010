"""The pipeline as DVC runs it: what dvc.yaml declares, and real runs in a temporary clone."""

import csv
import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
import vl_convert
import yaml

from .clone import Clone
from .conftest import ARCHITECTURES, ROOT
from .test_imports import closure

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


# What these do is seen on a terminal or by a logger, and changes no result: a test trains without.
LOOKS = ("terminal", "monitoring")


@pytest.mark.parametrize("stage", STAGES)
def test_deps_cover_the_imports_of_the_stages_module(stage: str) -> None:
    # DVC does not follow imports: a module that is missing here would change without a rerun.
    needed = closure(STAGES[stage]["cmd"].split()[-1], without=LOOKS)
    deps = [ROOT / dep for dep in STAGES[stage]["deps"] if dep.startswith("src/")]
    covered = {path: [dep for dep in deps if path.is_relative_to(dep)] for path in needed}
    assert not [path for path, by in covered.items() if not by]
    # And none for nothing: no file outside the closure alone would rerun the stage.
    assert {dep for by in covered.values() for dep in by} == set(deps)


def test_runtime_is_no_stages_parameter() -> None:
    # It cannot change a result; listed, changing it would rerun the stage.
    assert not any("runtime" in stage["params"] for stage in STAGES.values())


def check_json(clone: Clone, experiments: list[str]) -> None:
    """What other programs read: the figures of experiments, and plots that can be drawn."""
    baselines = json.loads(clone("dvc", "exp", "show", "--json"))
    shown = {e["name"]: e["revs"][0]["data"] for row in baselines for e in row["experiments"] or ()}
    assert set(shown) == set(experiments)
    for data in shown.values():
        metrics = {path: content["data"] for path, content in data["metrics"].items()}
        assert set(metrics) == {"metrics/data.json", "metrics/train.json", "metrics/eval.json"}
        assert 0 <= metrics["metrics/train.json"]["val_exact_match"] <= 1
        assert data["params"]["params.yaml"]["data"]["model"] in ARCHITECTURES

    declared = [
        path for stage in STAGES.values() for plot in stage.get("plots", ()) for path in plot
    ]
    diff = json.loads(clone("dvc", "plots", "diff", "--json", *experiments))
    assert set(diff) == {"data"}  # no errors
    assert set(diff["data"]) == set(declared)
    drawn = set()
    for path, plots in diff["data"].items():
        for plot in plots:
            assert set(plot["revisions"]) <= set(experiments)
            spec = plot["content"]
            assert {value["rev"] for value in spec["data"]["values"]} == set(plot["revisions"])
            assert vl_convert.vegalite_to_svg(spec).startswith("<svg")
            drawn.add(path)
    # What does not occur in sums, or was not asked for, has no rows.
    without = ("sign", "borrows", "lengths")
    assert set(declared) - drawn <= {f"metrics/by_{name}.csv" for name in without}


@pytest.mark.slow
def test_reproduce_compare_and_come_back(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    assert "Running stage 'evaluate'" in clone("dvc", "repro")
    assert "Data and pipelines are up to date" in clone("dvc", "repro")
    evaluation = json.loads((tmp_path / "metrics" / "eval.json").read_text())
    assert evaluation["architecture"] == "llama2"
    clone.commit()

    # What cannot change a result reruns nothing.
    params = (tmp_path / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(params.replace("logger: none", "logger: tensorboard"))
    assert "Data and pipelines are up to date" in clone("dvc", "repro")
    (tmp_path / "params.yaml").write_text(params)

    # An ablation is one word.
    clone("dvc", "exp", "run", "--name", "ablation", "-S", "models.llama2.norm=layernorm")
    assert "layernorm" in (tmp_path / "models" / "config.yaml").read_text()
    clone("git", "checkout", "--quiet", ".")
    clone("dvc", "exp", "remove", "ablation")

    # The three architectures side by side, each run in a temporary copy by the queue.
    clone("dvc", "exp", "run", "--queue", "-S", "model=gpt2,llama2,mixtral")
    clone("dvc", "exp", "run", "--run-all")
    shown = clone("dvc", "exp", "show", "--csv")
    rows = [row for row in csv.DictReader(shown.splitlines()) if row["typ"] != "baseline"]
    assert sorted(row["architecture"] for row in rows) == sorted(ARCHITECTURES)
    for row in rows:
        assert 0 <= float(row["exact_match"]) <= 1
        assert float(row["loss"]) > 0
        assert float(row["active_parameters"]) <= float(row["parameters"])
    # A queue's copy of the repository gives the same bytes as the main checkout.
    main = json.loads((tmp_path / "metrics" / "eval.json").read_text())
    (queued,) = (row for row in rows if row["architecture"] == "llama2")
    assert float(queued["loss"]) == pytest.approx(main["loss"], rel=1e-12)

    check_json(clone, [row["Experiment"] for row in rows])

    # Back to an architecture that has been trained: nothing runs.
    output = clone("dvc", "exp", "run", "-S", "model=mixtral")
    assert "Stage 'train' is cached - skipping run" in output
    assert "Stage 'evaluate' is cached - skipping run" in output
    clone("git", "checkout", "--quiet", ".")

    # A second seed fails: it is named and left out, and comes in when it is run again.
    second = ("--name", "gpt2-seed1", "-S", "model=gpt2", "-S", "training.seed=1")
    clone("dvc", "exp", "run", "--queue", *second, "-S", "training.learning_rate=1e30")
    assert "Left out: gpt2-seed1, which waits" in clone("python", "-m", "src.compare")
    assert "training diverged" in clone("dvc", "exp", "run", "--run-all")
    assert "Left out: gpt2-seed1, which failed" in clone("python", "-m", "src.compare")
    clone("dvc", "exp", "remove", "gpt2-seed1")
    clone("dvc", "exp", "run", "--queue", *second)
    clone("dvc", "exp", "run", "--run-all")
    assert "Left out" not in clone("python", "-m", "src.compare", "--publish")
    table = (tmp_path / "metrics" / "comparison.md").read_text()
    assert table in (tmp_path / "docs" / "comparing.md").read_text()
    assert "| gpt2 | " in (tmp_path / "README.md").read_text()
    compared = json.loads((tmp_path / "metrics" / "comparison.json").read_text())
    assert [(row["label"], row["seeds"]) for row in compared["architectures"]] == [
        ("gpt2", 2),
        ("llama2", 1),
        ("mixtral", 1),
    ]
    assert [row["exact_match"] for row in compared["runs"] if row["architecture"] != "gpt2"] == [
        float(row["exact_match"]) for row in rows if row["architecture"] != "gpt2"
    ]
    assert [(row["a"], row["b"], row["seeds"]) for row in compared["pairs"]] == [
        ("gpt2", "llama2", 1),
        ("gpt2", "mixtral", 1),
        ("llama2", "mixtral", 1),
    ]
    for pair in compared["pairs"]:
        one, other = (
            next(r for r in compared["runs"] if (r["label"], r["seed"]) == (pair[side], 0))
            for side in "ab"
        )
        assert pair["difference"] == pytest.approx(one["exact_match"] - other["exact_match"])


@pytest.mark.slow
def test_a_pipeline_that_is_killed_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "elsewhere" / "two").mkdir(parents=True)
    whole, killed = Clone(tmp_path / "one"), Clone(tmp_path / "elsewhere" / "two")
    whole("dvc", "repro")

    process = killed.start("dvc", "repro")
    while not list(killed.folder.glob("runs/*/progress-*")):
        time.sleep(0.01)
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert "train" not in (killed.folder / "dvc.lock").read_text()
    assert "resuming after step" in killed("dvc", "repro")

    for name in ("dvc.lock", "metrics/train.json", "metrics/eval.json", "metrics/val.csv"):
        assert (whole.folder / name).read_bytes() == (killed.folder / name).read_bytes()


@pytest.mark.slow
def test_checkout_temporary_copy_and_queue_give_the_same_bytes(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    locks = []
    for i, how in enumerate((["--temp"], ["--queue"], [])):
        workers = ("-S", f"runtime.num_workers={i}")
        clone(
            "dvc",
            "exp",
            "run",
            *how,
            "--force",
            "--name",
            f"run{i}",
            "-S",
            "model=mixtral",
            *workers,
        )
        if how == ["--queue"]:
            clone("dvc", "exp", "run", "--run-all")
        locks.append(clone("git", "show", f"{clone.revision(f'run{i}')}:dvc.lock"))
        clone("git", "checkout", "--quiet", ".")
        # Otherwise the later ones would be fetched from the cache of runs.
        shutil.rmtree(tmp_path / ".dvc" / "cache" / "runs")
    assert locks[0] == locks[1] == locks[2]
    assert "models" in locks[0]


@pytest.mark.slow
def test_a_users_mistake_stops_the_pipeline_and_commits_nothing(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    params = (tmp_path / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(params.replace("ops: +", "ops: '%'"))
    output = clone("dvc", "repro", code=255)
    assert "params.yaml: data.ops = '%': must be a choice of + - * /" in output
    assert "Traceback" not in output
    assert not (tmp_path / "dvc.lock").exists()
