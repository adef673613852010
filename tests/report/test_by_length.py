"""The curves over lengths and chains hold what was graded, and are left out where nothing was."""

from pathlib import Path
from typing import Any

import pytest

from src.report.__main__ import page
from src.report.by_length import by_length
from src.report.page import Section

from ..compare.test_tables import run_of
from .test_report import FILES, compared, finished, repository

assert repository  # a fixture

HEADER = "lengths,longest,carry_chain,problems,wrong,exact_match,low,high\n"


def table(*rows: tuple[str, int, int | str, int]) -> dict[str, str]:
    """What an evaluation leaves: name, longest, chain and wrong ones of ten problems each."""
    lines = [f"{n},{k},{c},10,{wrong},{1 - wrong / 10},0,1\n" for n, k, c, wrong in rows]
    return FILES | {"metrics/by_lengths.csv": HEADER + "".join(lines)}


def drawn(section: Section, figure: int) -> list[dict[str, Any]]:
    """The rows of a figure's lines."""
    spec = section.figures[figure].chart.to_dict()
    return next(rows for rows in spec["datasets"].values() if "right" in rows[0])


def test_cells_of_one_length_are_a_point_together(repository: Path) -> None:
    first = table(
        ("1+1", 1, "", 0),
        ("1+2", 2, "", 1),
        ("2+1", 2, "", 2),
        ("2+2", 2, "", 3),
        *(("3+3", 3, chain, 2 * chain) for chain in range(4)),
        ("4+4", 4, 4, 10),
    )
    second = table(("1+1", 1, "", 10), ("2+2", 2, "", 10))
    runs = [
        finished(repository, run_of("gpt2", 0, 8), first, data={"B": 999}),
        finished(repository, run_of("gpt2", 1, 8), second, data={"B": 999}),
    ]
    section = by_length(compared(runs).data_sets[0].groups)
    assert section is not None
    assert "at 3 digits" in section.text[0]
    lengths = [(row["run"], row["longest"], row["right"]) for row in drawn(section, 0)]
    one, other = (run.name for run in runs)
    assert lengths == [
        (one, 1, 1.0),
        (one, 2, pytest.approx(0.8)),
        (other, 1, 0.0),
        (other, 2, 0.0),
    ]
    # Of the training's longest operands, as those of four digits are hard in another way.
    assert section.figures[1].title == "Right answers by chain of carries, 3 digits"
    chains = [(row["carry_chain"], row["right"]) for row in drawn(section, 1)]
    assert chains == [(chain, pytest.approx(1 - 0.2 * chain)) for chain in range(4)]
    html = page(compared(runs))
    assert "By length" in html
    assert "digits of the longest operand" in html


def test_without_such_problems_there_is_no_section(repository: Path) -> None:
    for files in (FILES, table()):
        run = finished(repository, run_of("gpt2", 0, 8), files)
        assert by_length(compared([run]).data_sets[0].groups) is None
        assert "By length" not in page(compared([run]))
