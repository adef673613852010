"""Problems in other people's notation become records only where nothing else can be meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.common.errors import BadRowError
from src.data.reading import WRONG
from src.data.records import Record
from src.import_data.notation import NO_ANSWER, NO_PROBLEM, to_record

from ..data.test_records import record_lists

SPACES = st.sampled_from(["", " ", "\t", "\N{NO-BREAK SPACE}", "  "])


@pytest.mark.parametrize(
    ("problem", "answer", "record"),
    [
        ("1+2=3", None, ("1+2=", "3")),
        ("  1 + 2 = 3 ", None, ("1+2=", "3")),
        ("1+2\t3", None, ("1+2=", "3")),
        ("1+2,3", None, ("1+2=", "3")),
        ("1+2;3", None, ("1+2=", "3")),
        ("<bos>1+2=3<eos>", None, ("1+2=", "3")),
        ("1+2", "3", ("1+2=", "3")),
        ("1+2=", "3", ("1+2=", "3")),
        ("1 + 2 = ?", " 3 ", ("1+2=", "3")),
        ("1+2?", "+3", ("1+2=", "3")),
        ("1+2", "3.0", ("1+2=", "3")),
        ("1+2", "3.", ("1+2=", "3")),
        ("1+2", "03", ("1+2=", "3")),
        ("1-1", "-0", ("1-1=", "0")),
        # Digits stay as they are written.
        ("007+5=12", None, ("007+5=", "12")),
        ("5\N{MINUS SIGN}7=\N{MINUS SIGN}2", None, ("5-7=", "-2")),
        ("5\N{EN DASH}7", "\N{EN DASH}2", ("5-7=", "-2")),
        ("3 \N{MULTIPLICATION SIGN} 4 = 12", None, ("3*4=", "12")),
        ("3x4", "12", ("3*4=", "12")),
        ("12:4=3", None, ("12/4=", "3")),
        ("12 \N{DIVISION SIGN} 4", "3", ("12/4=", "3")),
        ("\N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH PLUS SIGN}2=3", None, ("1+2=", "3")),
        (f"{10**30}+1", str(10**30 + 1), (f"{10**30}+1=", str(10**30 + 1))),
    ],
)
def test_what_is_meant_is_taken(problem: str, answer: str | None, record: tuple[str, str]) -> None:
    assert to_record(problem, answer)[0] == Record(*record)


@pytest.mark.parametrize(
    ("problem", "answer", "kind"),
    [
        ("", "3", NO_PROBLEM),
        ("hello", None, NO_PROBLEM),
        ("1", "1", NO_PROBLEM),
        ("1=1", None, NO_PROBLEM),
        # Neither 12+3 nor anything else for sure.
        ("1 2+3=15", None, NO_PROBLEM),
        ("1+2=3=3", None, NO_PROBLEM),
        ("1+2=3", "3", NO_PROBLEM),
        ("-1+2=1", None, NO_PROBLEM),
        ("1+-2=-1", None, NO_PROBLEM),
        ("1++2=3", None, NO_PROBLEM),
        ("(1+2)*3=9", None, NO_PROBLEM),
        ("1.5+1.5=3", None, NO_PROBLEM),
        ("1,000+1=1001", None, NO_PROBLEM),
        ("5\N{SUPERSCRIPT TWO}+1=53", None, NO_PROBLEM),
        ("\N{ARABIC-INDIC DIGIT THREE}+1=4", None, NO_PROBLEM),
        ("1+2=3\x00", None, NO_ANSWER),
        ("9" * 1000 + "+0", "9" * 1000, NO_PROBLEM),
        ("1+2", None, NO_ANSWER),
        ("1+2=", None, NO_ANSWER),
        ("1+2=?", None, NO_ANSWER),
        ("1+2", "", NO_ANSWER),
        ("1+2", "three", NO_ANSWER),
        ("7/2", "3.5", NO_ANSWER),
        ("1+2", "3 0", NO_ANSWER),
        ("1+2", "3e0", NO_ANSWER),
        ("1+2", "nan", NO_ANSWER),
        ("500+510", "1,010", NO_ANSWER),
        ("1+2", "--3", NO_ANSWER),
        ("2+2", "5", WRONG),
        ("7/2", "3", WRONG),
        ("7/0", "0", WRONG),
        ("0x10+5", "21", WRONG),
    ],
)
def test_all_else_is_left_out_by_its_kind(problem: str, answer: str | None, kind: str) -> None:
    with pytest.raises(BadRowError) as caught:
        to_record(problem, answer)
    assert caught.value.kind == kind
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 200 or kind == WRONG


@given(record_lists(), SPACES, st.sampled_from(["", "=", " =", "= ?", "?"]))
def test_records_come_back_with_spaces_between(records: list[Record], space: str, end: str) -> None:
    for record in records:
        body = "".join(space + x + space if x in "+-*/" else x for x in record.prompt[:-1])
        assert to_record(space + body + space + end, space + record.target)[0] == record
        assert to_record(f"{space}{body} ={space}{record.target}", None)[0] == record


@pytest.mark.parametrize("line", ["1+2=" + " " * 10**7 + "3", " " * 10**7 + "1+2=3"])
def test_a_line_of_megabytes_is_left_out_at_once(line: str) -> None:
    with pytest.raises(BadRowError, match="longer than 1,000 characters"):
        to_record(line, None)
