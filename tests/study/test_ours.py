"""The pages of our studies are those of their rows, files and code, byte for byte."""

from pathlib import Path

import pytest

from src.params import PARAMS_FILE
from src.study.cells import cells
from src.study.file import load
from src.study.publish import publish
from src.study.rows import read_rows

from ..conftest import ROOT

ANSWERED = sorted((ROOT / "studies").glob("*.csv"))


@pytest.mark.parametrize("csv", ANSWERED, ids=lambda csv: csv.stem)
def test_a_page_is_what_its_rows_say(csv: Path, tmp_path: Path) -> None:
    name, study = load(csv.with_suffix(".yaml"))
    every = cells(name, study, PARAMS_FILE.read_text())
    publish(name, study, Path("studies", f"{name}.yaml"), every, read_rows(csv), tmp_path)
    for made in tmp_path.iterdir():
        assert made.read_bytes() == (ROOT / "docs" / "studies" / made.name).read_bytes()
