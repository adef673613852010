"""Tables that commands write into Markdown pages, between two marks."""

from __future__ import annotations

from .errors import UserError

END = "<!-- end -->"


def insert(page: str, table: str, mark: str) -> str:
    """The text of a page with a table between `mark` and `END`, instead of what was there.

    Raises:
        UserError: if a mark is missing.
    """
    before, begin, rest = page.partition(mark)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise UserError(f"the marks {mark} and {END}, between which a table goes, are missing")
    return f"{before}{mark}\n{table}{END}{after}"
