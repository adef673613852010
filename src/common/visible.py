"""Text from outside, as it is shown: nothing in it moves a cursor, and no line of it is endless."""

# Characters of a text that are enough to recognise it.
EXCERPT = 80


def visible(text: str) -> str:
    r"""A text in which what is no printable character is spelled out, as Python writes it.

    Paths, lines of files and answers of models can hold anything, also what clears the screen.

    >>> print(visible("3\t\x1b[2J"))
    3\t\x1b[2J
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def visible_lines(text: str) -> str:
    """As `visible`, but that lines stay lines."""
    return "\n".join(map(visible, text.split("\n")))


def excerpt(text: str, most: int = EXCERPT) -> str:
    """The beginning of a text, visible.

    >>> excerpt("12+34=", 4), excerpt("12+34=")
    ('12+3...', '12+34=')

    Args:
        most: characters that are shown.
    """
    return visible(text) if len(text) <= most else f"{visible(text[:most])}..."
