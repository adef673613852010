"""The tables of docs/formats.md are what the formats write."""

from pathlib import Path

import pytest

from scripts import formats
from src.common.errors import UserError
from src.common.marked_section import insert


def test_the_page_has_the_tables_of_today() -> None:
    page = formats.PAGE.read_text()
    for table, mark in (
        (formats.examples(), formats.EXAMPLES),
        (formats.lengths(), formats.LENGTHS),
    ):
        assert insert(page, table, mark) == page, "python -m scripts.formats"


def test_the_command_writes_both_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, page = formats.PAGE.read_text(), tmp_path / "formats.md"
    for table, mark in (
        (formats.examples(), formats.EXAMPLES),
        (formats.lengths(), formats.LENGTHS),
    ):
        assert table in whole
        whole = insert(whole, "", mark)
    page.write_text(whole)
    monkeypatch.setattr(formats, "PAGE", page)
    formats.main([])
    assert page.read_text() == (Path(formats.ROOT) / "docs" / "formats.md").read_text()
    page.write_text(whole.replace(formats.LENGTHS, ""))
    with pytest.raises(UserError, match="lengths: written by"):
        formats.main([])
