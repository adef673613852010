"""The table of formats trains and decodes each cell; with all of them where time allows."""

import re
from itertools import product

import pytest

from benchmarks import formats
from benchmarks.machine import machine
from src.data.formats import FORMATS

from ..conftest import ARCHITECTURES

SHARE = r"\d+\.\d\d%"


def table(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    formats.main(list(words))
    on, _, *rows, last = capsys.readouterr().out.splitlines()
    assert on == f"{machine()}, 2 steps each"
    assert re.fullmatch(r"\d+ trainings in \d+ s", last)
    return rows


def check(row: str, name: str, ops: str, columns: int) -> None:
    share = rf"{SHARE} \({SHARE}\)" if FORMATS[name].traced else SHARE
    assert re.fullmatch(rf"{name} +{re.escape(ops)} +[0-9+*/=-]+( +{share}){{{columns}}}", row)


def test_formats_are_trained_and_decoded(capsys: pytest.CaptureFixture[str]) -> None:
    words = "--steps 2 --formats reverse scratchpad --ops / --models llama2"
    rows = table(capsys, *words.split())
    check(rows[0], "reverse", "/", 1)
    check(rows[1], "scratchpad", "/", 1)
    assert len(rows) == 2


@pytest.mark.slow
def test_every_format_goes_with_every_operator_and_architecture(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = table(capsys, "--steps", "2")
    cells = list(product(FORMATS, formats.OPS))
    assert len(rows) == len(cells)
    for row, cell in zip(rows, cells, strict=True):
        check(row, *cell, len(ARCHITECTURES))
