"""Rows kept as they are, and a page that says what they say."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from src.common.errors import UserError
from src.params import PARAMS_FILE
from src.study.cells import Cell, cells
from src.study.file import Study
from src.study.publish import publish
from src.study.rows import add_row, numbers, read_rows
from src.study.running import missing
from src.study.summary import lines


def row(cell: Cell, exact: float, steps: int | None = None) -> dict[str, Any]:
    return {
        "settings": cell.settings,
        "place": cell.said,
        "seed": cell.seed,
        "exact_match": exact,
        "problems": 200,
        "steps_to_99": steps,
        "training_flops": 10**9 * int(cell.place["steps"]),
        "in_training": 0,
        "swapped_in_training": 3,
        "digits_1": exact,
        "digits_2": exact / 2,
        "hardware": "cpu: none",
        "seconds": 90.0,
        "code": "0123",
        "commit": "456789abcdef",
    }


@pytest.fixture
def study(content: dict[str, Any]) -> Study:
    return Study.model_validate(content)


@pytest.fixture
def found(study: Study) -> list[Cell]:
    return cells("mine", study, PARAMS_FILE.read_text())


def test_rows_are_in_the_order_of_the_study_and_keep_their_bytes(
    tmp_path: Path, found: list[Cell]
) -> None:
    path = tmp_path / "studies" / "mine.csv"
    order = [cell.settings for cell in found]
    assert missing(found, read_rows(path)) == found
    for cell in found[::-1]:
        add_row(path, row(cell, 1.0, 2000), order)
        assert cell not in missing(found, read_rows(path))
    whole = path.read_text()
    assert [line.split(",")[0] for line in whole.splitlines()[1:]] == order
    assert ",1.0," in whole
    assert ",2000," in whole
    add_row(path, row(found[3], 1.0, 2000), order)
    assert path.read_text() == whole
    # Another column, and a row of settings that the study has no longer.
    add_row(path, {"settings": "cafe", "new": 1}, order)
    assert path.read_text().splitlines()[-1].startswith("cafe,,")
    assert missing(found, read_rows(path)) == []


def test_what_is_no_table_of_rows_is_refused(tmp_path: Path) -> None:
    for text in ("", "a,b\n1,2\n", "settings\nx\nx\n"):
        (tmp_path / "mine.csv").write_text(text)
        with pytest.raises(UserError, match=r"mine.csv: no"):
            read_rows(tmp_path / "mine.csv")


def typed(rows: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows).map(lambda cell: "" if cell is None else str(cell))
    return numbers(table)


def test_the_worst_and_the_middle_of_the_seeds(study: Study, found: list[Cell]) -> None:
    some = [cell for cell in found if cell.place == found[0].place]
    rows = [row(some[0], 0.5, None), row(some[1], 0.25, 100)]
    first, *others = lines(study, found, typed(rows))
    assert (first.median("exact_match"), first.worst("exact_match")) == (0.25, 0.25)
    # One never got there.
    assert first.median("steps_to_99") is None
    assert first.reaching("exact_match", 0.5)[:2] == (1, 2)
    assert first.reaching("steps_to_99", 100)[:2] == (1, 2)
    low, high = first.interval("exact_match") or (1, 0)
    assert low < 0.25 < high
    assert all(len(line.rows) == 0 and line.planned == 2 for line in others)
    assert others[0].median("exact_match") is None


def test_a_page_of_no_run_some_runs_and_all(
    tmp_path: Path, study: Study, found: list[Cell]
) -> None:
    where = Path("studies/mine.yaml")
    path = publish("mine", study, where, found, read_rows(tmp_path / "none"), tmp_path)
    assert "| plain | 20 | 0 of 2 | - | - | - | - | 25.00% |" in path.read_text()
    order = [cell.settings for cell in found]
    for i, cell in enumerate(found[:3]):
        add_row(tmp_path / "mine.csv", row(cell, 0.5 + i / 10), order)
    add_row(tmp_path / "mine.csv", {"settings": "cafe"}, order)
    text = publish(
        "mine", study, where, found, read_rows(tmp_path / "mine.csv"), tmp_path
    ).read_text()
    heading, _, first = text.splitlines()[:3]
    assert (heading, first) == ("# mine", "For who asks: Does the format matter?")
    assert (
        "| plain | 20 | 2 | 50.00% | 43.14% .. 56.86% | 50.00% | 2 of 2 (34% .. 100%) | never "
        "| 25.00% |" in text
    )
    assert "| plain | 30 | 1 of 2 | 70.00% |" in text
    assert "| reverse | 20 | 0 of 2 | - |" in text
    assert "Published: Somebody 2020; Others 2021." in text
    assert (
        "- 3 of 8 runs have finished, each a row of `studies/mine.csv`; their trainings took 5 "
        in text
    )
    assert "1 rows of that file are of settings that the study no longer has" in text
    assert "0 were in the training data, and 9 with their operands swapped" in text
    assert "`models.*.dropout=0.1`" in text
    for i in range(1, 5):
        svg = (tmp_path / f"mine-{i}.svg").read_text()
        assert svg.startswith("<svg")
        assert "--series-4" in svg
        assert f"(mine-{i}.svg)" in text
    assert text.index("## Expected") < text.index("## Found") < text.index("## Concluded")


def test_a_measure_that_no_run_has_is_named(
    tmp_path: Path, content: dict[str, Any], found: list[Cell]
) -> None:
    add_row(tmp_path / "mine.csv", row(found[0], 0.5), [])
    study = Study.model_validate(content | {"measure": "exact_mach"})
    with pytest.raises(UserError, match="measure = exact_mach: no run has that; did you mean exa"):
        publish("mine", study, tmp_path, found, read_rows(tmp_path / "mine.csv"), tmp_path)
