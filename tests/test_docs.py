"""README and docs: short enough, no link that leads nowhere, every file and part that is named."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from src import config

from .conftest import ROOT
from .test_imports import ORDER

PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]
README = (ROOT / "README.md").read_text()


def anchors(page: Path) -> set[str]:
    """What a link may end with, as GitHub makes it of a heading."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_is_short() -> None:
    assert len(README.encode()) < 10_000


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    assert links or page.parent != ROOT
    for link in links:
        if not re.match(r"https?://", link):
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_of_ours_that_is_named_exists(page: Path) -> None:
    folders = "src|scripts|benchmarks|tests|docs|configs"
    for name in re.findall(rf"`((?:{folders})/[\w/.*-]*)`", page.read_text()):
        assert list(ROOT.glob(name.rstrip("/"))), name


def test_the_readme_leads_to_every_page() -> None:
    for path in ROOT.glob("docs/*.md"):
        assert f"](docs/{path.name})" in README


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/*.md")), ids=lambda page: page.name)
def test_a_page_begins_with_who_needs_it(page: Path) -> None:
    heading, _, first = page.read_text().splitlines()[:3]
    assert heading.startswith("# ")
    assert re.match(r"For (who|a machine) .*\.", first)


def test_the_map_has_the_textbook_in_reading_order_and_every_folder() -> None:
    rows = README.partition("## The map")[2].partition("## The pipeline")[0]
    named = re.findall(r"`(\w+/?)`", "".join(re.findall(r"^\|([^|]*)\|", rows, re.M)))
    wings = {path.parent.name for path in (ROOT / "src").glob("*/__init__.py")}
    assert [name for name in named if "/" not in name] == [u for u in ORDER if u not in wings]
    assert {name.rstrip("/") for name in named if "/" in name} == wings


def test_what_to_add_to_is_there() -> None:
    table = README.partition("## Add to it")[2].partition("\n## ")[0]
    # Names, and behind them in parentheses the file that defines them.
    for text, path in re.findall(r"([^|()]*)\(`(src/[\w/]+\.py)`\)", table):
        names = re.findall(r"`(\w+)(?:\.\w+)?`", text)
        nodes = list(ast.walk(ast.parse((ROOT / path).read_text())))
        defined = {getattr(node, "id", getattr(node, "name", None)) for node in nodes}
        assert names, path
        assert set(names) <= defined, path
    fields = re.findall(r"`(ModelConfig|DataConfig)\.(\w+)`", table)
    assert len(fields) > 3
    for section, field in fields:
        assert field in getattr(config, section).model_fields


def test_the_citation_is_of_the_licence_that_lies_beside_it() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= citation.keys()
    assert citation["type"] == "software"
    assert (ROOT / "LICENSE").read_text().startswith(f"{citation['license']} License")
