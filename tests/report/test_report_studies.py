"""The report leads to the pages of studies, wherever it is written."""

from pathlib import Path
from urllib.parse import unquote

from src.report.page import render
from src.report.studies import studies


def test_each_study_is_a_link_that_leads_to_its_page(tmp_path: Path) -> None:
    out = tmp_path / "some where" / "report.html"
    assert studies(tmp_path, out) is None
    page = tmp_path / "docs" / "studies" / "a b.md"
    page.parent.mkdir(parents=True)
    page.write_text("# a b\n\nFor who asks: Is 1 < 2?\n\n## Expected\n")
    (page.parent / "notes.md").write_text("of no study")
    section = studies(tmp_path, out)
    assert section is not None
    ((asked, address),) = section.links.items()
    assert asked == "Is 1 < 2?"
    assert (out.parent.resolve() / unquote(address)).resolve() == page.resolve()
    assert '<a href="../docs/studies/a%20b.md">Is 1 &lt; 2?</a>' in render("title", [section])
