"""Text from outside, shown so that it moves no cursor and hides nothing."""


def visible(text: str) -> str:
    r"""A text in which what is no printable character is spelled out, as Python writes it.

    Others' models can say anything, also what moves the cursor or clears the screen.

    >>> print(visible("a\tb\x1b[2J"))
    a\tb\x1b[2J
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
