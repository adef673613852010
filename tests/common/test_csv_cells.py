"""No cell of a CSV file is a formula, and readers get back what was written."""

from io import StringIO

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.common.csv_cells import quoted, unquote, unquoted, write_csv

FORMULAS = (
    *(
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(1)",
        "\t=1+1",
        "\r=1+1",
        "\n=1",
        " =1+1",
        "-5+3=",
        "--5",
        "=A1",
    ),
    *('=HYPERLINK("http://a","b")', "=cmd|' /C calc'!A0", "+5-", "-1e5e5", "-x", "＝1+1"),  # noqa: RUF001
)
PLAIN = (
    *("-5", "+3", "-10", "-1.5e-3", "-.5", "554+456=", "1+1", "7*8=", "gpt2 d_ff=64", "'tis", ""),
    *("+", "-", "=", "+-", "<bos>", "none", "1-2"),
)


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_text(text: str) -> None:
    assert quoted(text) == f"'{text}"
    assert quoted(quoted(text)) == f"''{text}"


@pytest.mark.parametrize("cell", [*PLAIN, -5, -0.5, None, True])
def test_numbers_and_what_computes_nothing_stay(cell: object) -> None:
    assert quoted(cell) is cell


@given(st.one_of(st.text(), st.text("'=+-@\t\r 1a")))
def test_what_was_quoted_comes_back(text: str) -> None:
    assert unquoted(quoted(text)) == text


def written(table: pd.DataFrame) -> str:
    file = StringIO()
    write_csv(table, file)
    return file.getvalue()


def test_a_table_comes_back_and_its_numbers_are_numbers() -> None:
    table = pd.DataFrame({"said": ["=1+1", "-5", "'=2"], "wrong": [-1, 2, 3], "right": [True] * 3})
    table = table.assign(kind=pd.Categorical(["=a", "b", "=a"]))
    text = written(table)
    assert text.splitlines()[1:] == ["'=1+1,-1,True,'=a", "-5,2,True,b", "''=2,3,True,'=a"]
    assert written(unquote(pd.read_csv(StringIO(text)))) == text
    assert written(table.head(0)) == "said,wrong,right,kind\n"
