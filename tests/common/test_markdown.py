"""Text from outside stays text in a Markdown page, as another's parser reads it."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from src.common.markdown import code, literal, row
from src.common.visible import visible

# As GitHub has it: with tables, strikethrough and raw HTML.
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
STRANGE = (
    *("a|b", "<script>alert(1)</script>", "<!-- end -->", "`code`", "*a* _b_ ~~c~~", "d_ff=64"),
    *("[a](http://b)", "# a", "- a", "1. a", "a\n\n# b", "a\r|\tb", "&lt;", "\\", "\\|", "$x$"),
    *("\x1b[2J", "\u202ea", "", " ", "```", "a``b", "-", "---", "=1+1"),
)
TEXTS = st.one_of(st.sampled_from(STRANGE), st.text("ab|`*_<>&\\[]()#-~$!\n\t 1.", max_size=12))


def elements(page: str) -> ElementTree.Element:
    """A page as HTML's elements; raw HTML in it would be among them, or no XML."""
    return ElementTree.fromstring(f"<page>{PARSER.render(page)}</page>")


def cells(page: str) -> list[list[str]]:
    """The text of each cell of a page that is one table, by rows; elements inside are refused."""
    [table] = elements(page)
    assert not [each for cell in table.iter() if cell.tag in ("td", "th") for each in cell]
    return [[cell.text or "" for cell in tr] for tr in table.iter("tr")]


@given(st.lists(TEXTS, min_size=2, max_size=4))
def test_a_row_has_its_cells_and_no_other(texts: list[str]) -> None:
    page = "\n".join([row(*texts), "|---" * len(texts) + "|", row(*texts)])
    assert cells(page) == [[visible(text).strip() for text in texts]] * 2


@given(TEXTS)
def test_a_text_in_a_list_is_that_text(text: str) -> None:
    [[item]] = elements(f"- Run {literal(text)} and {literal(text)}.")
    assert [*item.iter()] == [item]
    assert item.text == f"Run {visible(text)} and {visible(text)}."


@pytest.mark.parametrize("text", ["# a", "- a", "1. a", "+ a: b", "12) a", "=== a"])
def test_a_text_at_the_beginning_makes_no_heading_or_list(text: str) -> None:
    [[item]] = elements(f"- {literal(text)}")
    assert item.tag == "li"
    assert item.text == text


@given(TEXTS)
def test_a_code_span_holds_its_text(text: str) -> None:
    page = f"| a |\n|---|\n| {code(text)} |"
    [[_, [[cell]]]] = [elements(page)[0]]
    assert [each.tag for each in cell] == ["code"]
    assert "".join(cell.itertext()).strip() == visible(text).strip()


def test_what_marks_nothing_stays_as_it_is() -> None:
    for text in ("gpt2 d_ff=64", "-", "-0.011 .. +0.018", "100.00% (99.96% .. 100.00%)"):
        assert literal(text) == text
