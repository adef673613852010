"""What comes from outside is shown, and no line of it is endless."""

import pytest

from src.common.visible import EXCERPT, excerpt, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1+2=ä日", "1+2=ä日"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\nb\r\tc\x00\x7f", r"a\nb\r\tc\x00\x7f"),
        # C1 controls, a mark that turns the direction of writing, half of a character, a byte of
        # a path in another encoding.
        ("\x9b2J\u202e\ud800\udcff", r"\x9b2J\u202e\ud800\udcff"),
    ],
)
def test_what_is_not_printable_is_spelled_out_once(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(shown) == shown


def test_an_excerpt_shows_the_first_characters() -> None:
    assert excerpt("1" * EXCERPT) == "1" * EXCERPT
    assert excerpt("1" * EXCERPT + "2") == "1" * EXCERPT + "..."
    assert excerpt("\x1b" * 100, most=2) == r"\x1b\x1b..."
