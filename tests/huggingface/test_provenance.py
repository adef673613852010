"""Only figures that DVC recorded of this very checkpoint are said of it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from src.huggingface.provenance import evaluated

PIPELINE = {
    "generate": {
        "cmd": "mkdir -p data/arithmetic && echo 1 > data/arithmetic/train.jsonl",
        "params": ["data"],
        "outs": ["data/arithmetic"],
    },
    "train": {
        "cmd": "mkdir -p models/more && echo 2 > models/best.ckpt && echo 3 > models/more/last",
        "deps": ["data/arithmetic"],
        "outs": ["models"],
    },
    "evaluate": {
        "cmd": """mkdir -p metrics && echo '{"exact_match": 0.5}' > metrics/eval.json""",
        "deps": ["models"],
        "metrics": [{"metrics/eval.json": {"cache": False}}],
    },
}


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which DVC has run stages of the same names and outputs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": PIPELINE}))
    (tmp_path / "params.yaml").write_text("data: {N: 3}\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in (["dvc", "init", "--no-scm", "--quiet"], ["dvc", "repro", "--quiet"]):
        subprocess.run(command, check=True, env={**os.environ, "PATH": path})
    return tmp_path


def test_what_the_lock_proves_is_told_and_nothing_else(pipeline: Path) -> None:
    best = pipeline / "models" / "best.ckpt"
    told = {"exact_match": 0.5}
    assert evaluated(best) == evaluated(Path("models/best.ckpt")) == told
    # Not what was graded.
    shutil.copy(best, pipeline / "copy.ckpt")
    assert evaluated(pipeline / "copy.ckpt") == {}
    # Other weights, other figures.
    for name, line in (
        ("models/best.ckpt", "9"),
        ("models/more/last", "9"),
        ("metrics/eval.json", '{"exact_match": 1.0}'),
        ("dvc.lock", "stages: {}"),
        ("dvc.lock", "nothing"),
    ):
        before = (pipeline / name).read_text()
        (pipeline / name).write_text(line)
        assert evaluated(best) == {}
        (pipeline / name).write_text(before)
    assert evaluated(best) == told


@pytest.mark.parametrize("key", ["weights", "temperature"])
def test_figures_of_other_weights_or_of_drawn_answers_are_not_told(
    key: str, pipeline: Path
) -> None:
    best = Path("models/best.ckpt")
    lock = yaml.safe_load((pipeline / "dvc.lock").read_text())
    content = json.dumps({"exact_match": 0.5, key: 1})
    (pipeline / "metrics" / "eval.json").write_text(content)
    (graded,) = lock["stages"]["evaluate"]["outs"]
    graded["md5"] = hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()
    (pipeline / "dvc.lock").write_text(yaml.safe_dump(lock))
    assert evaluated(best) == {}


def test_where_there_is_no_pipeline_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert evaluated(Path("models/best.ckpt")) == {}
