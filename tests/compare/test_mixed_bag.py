"""A repository with runs of every kind: each is in a table, like with like, or named below it."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from ..clone import Clone

SEEDS = [(name, seed) for name in ("gpt2", "llama2") for seed in (0, 1)]
LONG = ("training.max_steps=100000", "training.patience=100000")


def run(
    clone: Clone,
    name: str,
    *changes: str,
    flags: tuple[str, ...] = (),
    before: tuple[str, ...] = (),
) -> None:
    """A finished experiment, and the workspace as committed again."""
    words = [word for change in changes for word in ("-S", change)]
    clone(*before, "dvc", "exp", "run", "--name", name, *flags, *words)
    clone("git", "checkout", "--quiet", ".")


def compare(clone: Clone, *flags: str) -> tuple[dict[str, Any], str]:
    """The tables as JSON, and all that was printed."""
    said = clone("python", "-m", "src.compare", *flags)
    text = (clone.folder / "runs" / "comparison" / "comparison.json").read_text()
    return json.loads(text), said


@pytest.mark.slow
def test_every_run_is_in_a_table_or_named(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    assert "no experiment of this commit" in clone("python", "-m", "src.compare", code=2)
    for name, seed in SEEDS:
        run(clone, f"{name}-seed{seed}", f"model={name}", f"training.seed={seed}")
    content, _ = compare(clone)
    assert [(row["label"], row["seeds"]) for row in content["architectures"]] == [
        ("gpt2", 2),
        ("llama2", 2),
    ]
    assert content["notes"] == []

    run(clone, "ablation", "models.llama2.norm=layernorm")
    run(clone, "twice", "model=gpt2", "evaluation.exhaustive=true")
    # The same seed with other rounding: all that DVC knows is the same.
    other_rounding = ("env", "ATEN_CPU_CAPABILITY=default")
    run(clone, "rounded", "model=gpt2", flags=("--force",), before=other_rounding)
    run(clone, "other-data", "data.seed=1")
    clone("dvc", "exp", "run", "--queue", "--name", "failed", "-S", "training.learning_rate=1e30")
    clone("dvc", "exp", "run", "--run-all")
    first = clone("git", "rev-parse", "HEAD").strip()

    layers = tmp_path / "src" / "layers.py"
    layers.write_text(layers.read_text() + "# Changes nothing.\n")
    clone.commit()
    run(clone, "other-code")
    second = clone("git", "rev-parse", "HEAD").strip()
    (tmp_path / "README.md").write_text((tmp_path / "README.md").read_text() + "\n")
    clone.commit()
    # One file that is in no cache; an experiment that runs, and one that waits.
    cached_errors(clone, clone.revision("gpt2-seed1")).unlink()
    running = clone.start(
        "dvc", "exp", "run", "--temp", "--name", "endless", *(w for s in LONG for w in ("-S", s))
    )
    clone("dvc", "exp", "run", "--queue", "--name", "waiting", "-S", "training.seed=7")
    try:
        while not list(tmp_path.glob("runs/*/progress-*")):
            time.sleep(0.1)
            assert running.poll() is None
        third = clone("git", "rev-parse", "HEAD").strip()
        content, said = compare(clone, "--rev", first, second, third)
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()

    by_data: dict[str, dict[str, int]] = {}
    for row in content["architectures"]:
        by_data.setdefault(row["data"], {})[row["label"]] = row["seeds"]
    labels = {row["experiment"].split()[0]: row["label"] for row in content["runs"]}
    code, rounded = labels["other-code"], labels["rounded"]
    assert code.startswith("llama2 code=")
    assert rounded.startswith("gpt2 on cpu: DEFAULT")
    assert by_data == {
        "seed=0": {
            "gpt2": 2,
            rounded: 1,
            "llama2": 2,
            "llama2 norm=layernorm": 1,
            code: 1,
        },
        "seed=1": {"llama2": 1},
    }
    tested = {(row["a"], row["b"]): row["seeds"] for row in content["pairs"]}
    assert tested == {
        ("gpt2", "llama2"): 1,  # as one of two lacks a file
        ("gpt2", rounded): 1,
        ("llama2", "llama2 norm=layernorm"): 1,
        ("llama2", code): 1,
    }
    notes = "\n".join(content["notes"])
    assert f"gpt2-seed0 ({first[:7]}) has the same weights as twice ({first[:7]})" in notes
    assert f"gpt2-seed1 ({first[:7]}): metrics/errors.csv is neither in git nor" in notes
    for name, state in (("failed", "failed"), ("endless", "is running"), ("waiting", "waits in")):
        assert f"Left out: {name}, which {state}" in notes
    names = ["ablation", "twice", "rounded", "other-data", "failed", "other-code", "endless"]
    names += ["waiting", *(f"{name}-seed{seed}" for name, seed in SEEDS)]
    assert not [name for name in names if name not in said]
    assert "1 seeds" not in said

    # The nearest commit with experiments counts where none is named.
    content, said = compare(clone)
    assert f"Experiments of {second[:7]}, the commit before this one." in content["notes"]
    assert [row["experiment"] for row in content["runs"]] == ["other-code"]
    assert clone("git", "status", "--porcelain") == ""

    # What git tracks is written where it is asked for.
    clone("python", "-m", "src.compare", "--publish", "--rev", first, code=2)
    clone("python", "-m", "src.compare", "--publish")
    changed = clone("git", "status", "--porcelain").split()[1::2]
    assert "README.md" in changed
    assert "docs/comparing.md" in changed


def cached_errors(clone: Clone, commit: str) -> Path:
    """Where DVC's cache has the wrong answers of an experiment."""
    stages = yaml.safe_load(clone("git", "show", f"{commit}:dvc.lock"))["stages"]
    (digest,) = (
        out["md5"] for out in stages["evaluate"]["outs"] if out["path"] == "metrics/errors.csv"
    )
    return clone.folder / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
