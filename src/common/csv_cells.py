"""Cells of CSV files that a spreadsheet would compute, such as ``=1+1``, quoted as text.

A model's answer or a folder's name may be a formula, which runs where somebody opens the file. As
OWASP's page on CSV injection has it, an apostrophe in front makes it a text. Numbers stay numbers.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

# The wide ones are formulas to spreadsheets of East Asia. What is quoted already gets one more.
_FORMULA = re.compile(r"'*(\s*[-=+@＝＋－＠]|[\t\r\n])")  # noqa: RUF001
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
# Signs alone, such as an operator, compute nothing.
_OPERAND = re.compile(r"\w")


def quoted(cell: Any) -> Any:
    """A cell with an apostrophe in front if it is a text that a spreadsheet would compute.

    >>> [quoted(cell) for cell in ("=1+1", "-5+3=", "-5", "+3", "+", "5-3=", "'=1", -5)]
    ["'=1+1", "'-5+3=", '-5', '+3', '+', '5-3=', "''=1", -5]
    """
    if isinstance(cell, str) and not cell.isascii():
        # A file's name in another encoding has characters that UTF-8 has not.
        cell = cell.encode(errors="backslashreplace").decode()
    if not isinstance(cell, str) or not _FORMULA.match(cell):
        return cell
    return cell if _NUMBER.fullmatch(cell) or not _OPERAND.search(cell) else f"'{cell}"


def unquoted(cell: Any) -> Any:
    """The cell of which `quoted` made this one.

    >>> [unquoted(cell) for cell in ("'=1+1", "-5", "'tis", "''=1")]
    ['=1+1', '-5', "'tis", "'=1"]
    """
    is_quoted = isinstance(cell, str) and cell[:1] == "'" and quoted(cell[1:]) == cell
    return cell[1:] if is_quoted else cell


def write_csv(table: pd.DataFrame, file: IO[str]) -> None:
    """Write a table without its index, its texts `quoted`."""
    safe = _with_texts(table, quoted)
    # Python's csv takes a bare carriage return for a part of the cell; readers end the row there.
    bare = any("\r" in str(cell) for name in _texts(safe) for cell in safe[name])
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if bare else csv.QUOTE_MINIMAL
    safe.to_csv(file, index=False, lineterminator="\n", quoting=quoting)


def unquote(table: pd.DataFrame) -> pd.DataFrame:
    """A table that was read, as it was before `write_csv`."""
    return _with_texts(table, unquoted)


def _texts(table: pd.DataFrame) -> list[str]:
    return list(map(str, table.select_dtypes(exclude=["number", "bool"])))


def _with_texts(table: pd.DataFrame, change: Callable[[Any], Any]) -> pd.DataFrame:
    return table.assign(**{name: table[name].map(change) for name in _texts(table)})
