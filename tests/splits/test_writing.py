"""Processes that compute rows, and what happens where one of them is ended."""

import os

import pytest

from src.common.errors import UserError
from src.data.formats import PLAIN
from src.splits.source import DRAWING_ORDER, source_of
from src.splits.stratified import Strata
from src.splits.writing import lines_of

from ..conftest import tiny_params


def test_a_process_that_is_ended_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    source = source_of(tiny_params().data)
    assert isinstance(source, Strata)
    parts = [(split, *part) for split in DRAWING_ORDER for part in source.parts(split)]
    assert all(lines_of(source, parts, PLAIN, 1))
    monkeypatch.setattr(type(PLAIN), "texts", lambda *_: os._exit(1))
    with pytest.raises(UserError, match="a process that computed rows was ended"):
        list(lines_of(source, parts, PLAIN, 1))
