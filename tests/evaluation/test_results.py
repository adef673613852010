"""An evaluation by hand replaces nothing but an earlier one."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from src.common.errors import UserError
from src.evaluation.results import check_vacant, write_results

ERRORS = pd.DataFrame({"prompt": ["1+2="], "said": ["4"]})


def test_a_folder_of_results_is_known_by_what_it_says(tmp_path: Path) -> None:
    check_vacant(tmp_path / "missing")
    (tmp_path / "notes.txt").write_text("mine")
    check_vacant(tmp_path)
    write_results({"exact_match": 1.0}, {"errors": ERRORS}, tmp_path, {"test_sha256": "2c26"})
    check_vacant(tmp_path)
    # Of an evaluation that was killed as it wrote its results.
    (tmp_path / "eval.json").unlink()
    check_vacant(tmp_path)


@pytest.mark.parametrize("name", ["errors.csv", "by_sign.csv", "eval.json", "about.json"])
def test_what_no_evaluation_wrote_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(json.dumps({"mine": 1}))
    with pytest.raises(UserError, match=f"{name}: was not written by this command"):
        check_vacant(tmp_path)


def test_a_pipe_in_a_folder_of_results_stays(tmp_path: Path) -> None:
    write_results({"exact_match": 1.0}, {}, tmp_path)
    os.mkfifo(tmp_path / "errors.csv")
    with pytest.raises(UserError, match=r"errors\.csv: is a pipe"):
        check_vacant(tmp_path)
    with pytest.raises(UserError, match=r"errors\.csv: is a pipe"):
        write_results({"exact_match": 0.5}, {"errors": ERRORS}, tmp_path)
    assert json.loads((tmp_path / "eval.json").read_text()) == {"exact_match": 1.0}
