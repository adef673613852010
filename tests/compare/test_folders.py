"""An evaluation by hand is a run beside experiments on the same test problems."""

import csv
import json
from pathlib import Path

import pandas as pd
import pytest

from src.common.errors import UserError
from src.compare.comparison import Comparison
from src.compare.evaluated import load_folder
from src.compare.experiments import ERRORS
from src.compare.grouping import data_sets
from src.compare.tables import markdown, to_json
from src.evaluation.results import write_results
from src.report.wrong_answers import wrong_answers

from .test_grouping import DEFAULTS, experiment
from .test_tables import run_of

SHA = "ab" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What `python -m src.eval --hf` writes."""
    about = {"name": "mine", "test_sha256": SHA}
    metrics = run_of("gpt2", 0, 30).metrics | {"architecture": "gpt_neox", "loss": None}
    kept = ["architecture", "exact_match", "exact_match_low", "exact_match_high", "problems"]
    kept += ["wrong", "loss", "parameters", "active_parameters"]
    (tmp_path / "about.json").write_text(json.dumps(about))
    (tmp_path / "eval.json").write_text(json.dumps({key: metrics[key] for key in kept}))
    (tmp_path / "errors.csv").write_text("prompt,target,said,split\n1+2=,3,4,test\n")
    # Of the experiment beside it, whose data is described there.
    (tmp_path / "config.yaml").write_text(f"sha256: {{test: {SHA}}}\n")
    return tmp_path


def test_it_has_a_row_beside_them(folder: Path) -> None:
    ours = run_of("llama2", 0, 5)
    described = experiment("llama2-x", folder=folder)
    other = load_folder(folder, [described])
    assert (other.name, other.data, other.seed) == ("mine", "d1", None)
    fewer = experiment("llama2-a", metrics=ours.metrics, training={"max_steps": 20})
    found = data_sets([fewer, other], DEFAULTS)
    # Nothing is known of how the other was trained.
    assert found[0].common == ["max_steps=20", "on cpu: AVX2, 1 thread, compiled, torch 2.13.0"]
    tables = markdown(to_json(Comparison(["1" * 40], found, [])))
    assert "| gpt_neox (mine) | 97.00% of 1 seed | - |" in tables
    assert (
        "| mine | gpt_neox (mine) | - | 97.00% (90.00% .. 100.00%) | 30 of 1,000 | - | - |"
        in tables
    )
    # Ours keep whole numbers.
    assert "| 100 | - | - | - |" in tables


SAID = ["=1+1", "-5", "+3", "-5+3", "'=1", "\t=1", "1+1"]
WRITTEN = ["'=1+1", "-5", "+3", "'-5+3", "''=1", "'\t=1", "1+1"]


@pytest.mark.parametrize("others", [[], ["1\r=2", "\r", "a\n=b", ",", '"=1']])
def test_answers_that_a_spreadsheet_would_compute_come_back(
    folder: Path, others: list[str]
) -> None:
    said = [*SAID, *others]
    errors = pd.DataFrame({"prompt": "5-10=", "target": "-5", "said": said, "split": "test"})
    write_results(json.loads((folder / "eval.json").read_text()), {"errors": errors}, folder)
    with (folder / "errors.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["said"] for row in rows] == WRITTEN + others
    run = load_folder(folder, [experiment("llama2-x", folder=folder)])
    assert run.table(ERRORS)["said"].tolist() == said
    assert wrong_answers({"a": [run]})["said"].tolist() == said


def test_other_problems_are_refused(folder: Path) -> None:
    described = experiment("llama2-x", folder=folder)
    (folder / "about.json").write_text(json.dumps({"name": "mine", "test_sha256": "cd" * 32}))
    with pytest.raises(UserError, match="was graded on other problems than the experiments"):
        load_folder(folder, [described])


def test_what_is_no_evaluation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no evaluation"):
        load_folder(tmp_path, [])
