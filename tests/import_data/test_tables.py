"""Other people's files are read by line number, and their columns by what their names say."""

from pathlib import Path

import pytest

from src.common.errors import BadRowError, UserError
from src.import_data.tables import UNNAMED, Columns, Row, read_rows


def rows(path: Path, named: Columns = UNNAMED) -> list[tuple[int, object]]:
    """What was read, with errors as text."""
    return [
        (line, str(row) if isinstance(row, BadRowError) else tuple(row))
        for line, row in read_rows(path, named)
    ]


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lines_are_counted_with_the_empty_ones(tmp_path: Path, end: str, encoding: str) -> None:
    text = end.join(["1+2=3", "", "  ", "5\N{MINUS SIGN}2=3"])
    path = written(tmp_path, "sums.txt", text.encode(encoding))
    assert rows(path) == [(1, ("1+2=3", None)), (4, ("5\N{MINUS SIGN}2=3", None))]


def test_bytes_that_are_no_text_spoil_their_own_line_only(tmp_path: Path) -> None:
    path = written(tmp_path, "sums.txt", b"1+2=3\n1+\xff=3\n2+2=4\n")
    assert [line for line, _ in rows(path)] == [1, 2, 3]
    assert rows(path)[2] == (3, ("2+2=4", None))


@pytest.mark.parametrize(
    ("head", "line", "row"),
    [
        ("prompt,target", "1+2=,3", ("1+2=", "3")),
        ("Question;Answer", "1+2;3", ("1+2", "3")),
        ("problem\tresult", "1+2\t3", ("1+2", "3")),
        (" id , problem , note , answer ", "7, 1 + 2 , x , 3", ("1 + 2", "3")),
        ("answer,problem", "3,1+2", ("1+2", "3")),
        ("a,op,b,result", "1,+,2,3", ("1 + 2", "3")),
        ("x,operator,y,answer", "1,+,2,3", ("1 + 2", "3")),
        ("equation", "1+2=3", ("1+2=3", None)),
        ("text", "<bos>1+2=3<eos>", ("<bos>1+2=3<eos>", None)),
        ("prompt,target,text", "1+2=,3,<bos>1+2=3<eos>", ("1+2=", "3")),
        ('"problem","answer"', '"1+2","3"', ("1+2", "3")),
        ("problem,answer", "1+2,3,,", ("1+2", "3")),
    ],
)
def test_columns_say_what_they_hold(
    tmp_path: Path, head: str, line: str, row: tuple[str, str | None]
) -> None:
    assert rows(written(tmp_path, "sums.csv", f"{head}\n{line}\n")) == [(2, row)]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("1+2=3", ("1+2=3", None)),
        ("1+2,3", ("1+2", "3")),
        ("1,+,2,3", ("1 + 2", "3")),
        ("1;-;2;+;5;4", ("1 - 2 + 5", "4")),
    ],
)
def test_a_table_without_a_head_is_understood_where_it_can_be(
    tmp_path: Path, text: str, row: tuple[str, str | None]
) -> None:
    if row[1] is None:
        assert rows(written(tmp_path, "sums.csv", text), Columns(("1",))) == [(1, row)]
    else:
        assert rows(written(tmp_path, "sums.csv", text)) == [(1, row)]


@pytest.mark.parametrize("text", ["1,2,3", "0,12+34,46", "1,2+3,5,0"])
def test_a_table_without_a_head_is_not_guessed(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match="--problem must say which columns"):
        rows(written(tmp_path, "sums.csv", text))


def test_columns_are_named_by_hand(tmp_path: Path) -> None:
    path = written(tmp_path, "sums.csv", "first,second,sum\n1,2,3\n")
    assert rows(path, Columns(("first", "+", "second"), "sum")) == [(2, ("1 + 2", "3"))]
    path = written(tmp_path, "bare.csv", "1,2,3\n")
    assert rows(path, Columns(("1", "+", "2"), "3")) == [(1, ("1 + 2", "3"))]


@pytest.mark.parametrize(
    ("head", "named", "message"),
    [
        ("n,m", UNNAMED, "--problem must say .* as none of them could; its columns: 'n', 'm'"),
        ("prompt,question,answer", UNNAMED, "--problem must say .* as prompt or question of them"),
        ("prompt,answer,label", UNNAMED, "--answer must say .* as answer or label of them"),
        ("a,op,b,c", UNNAMED, "--answer must say .* as none of them"),
        ("prompt,answer", Columns(("q",)), "has no column q; its columns: 'prompt', 'answer'"),
        ("prompt,answer", Columns((), "+"), r"has no column \+"),
        ('"prompt', UNNAMED, "line 1: unexpected end of data"),
    ],
)
def test_columns_that_are_not_clear_are_refused(
    tmp_path: Path, head: str, named: Columns, message: str
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        rows(written(tmp_path, "sums.csv", f"{head}\n1,2,3,4\n"), named)
    assert str(caught.value).startswith(str(tmp_path / "sums.csv"))


def test_a_row_of_a_table_that_is_broken_is_told_by_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, "sums.csv", 'problem,answer\n1+2\n"1+2,3\n1+2,1,010\n1+2,3\n')
    read = rows(path)
    assert read[0] == (2, "'1+2' has 1 column, not 2")
    assert read[1] == (3, "'\"1+2,3': unexpected end of data")
    assert read[2] == (4, "'1+2,1,010' has 3 columns, not 2")
    assert read[3] == (5, ("1+2", "3"))


def test_objects_are_read_with_numbers_as_targets(tmp_path: Path) -> None:
    lines = [
        '{"prompt": "1 + 2", "target": 3}',
        "nonsense",
        "[1]",
        "[" * 10**5,
        '{"prompt": "1+2="}',
        '{"prompt": "1+2=", "target": true}',
        '{"prompt": ["1+2="], "target": 3}',
        '{"target": 3.0, "prompt": "1+2=", "more": null}',
        '{"prompt": "1+2=", "target": ' + "1" * 5000 + "}",
    ]
    read = rows(written(tmp_path, "sums.jsonl", "\n".join(lines)))
    assert read[0] == (1, ("1 + 2", "3"))
    assert read[1] == (2, "'nonsense' is not a JSON object")
    assert [line for line, row in read if isinstance(row, str)] == [2, 3, 4, 5, 6, 7, 9]
    assert read[4] == (5, "no text and no number at 'target'")
    assert read[7] == (8, ("1+2=", "3.0"))


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"sums\.xlsx: must end in \.txt, \.csv, \.tsv, \.jsonl"):
        rows(tmp_path / "sums.xlsx")
    with pytest.raises(FileNotFoundError):
        rows(tmp_path / "sums.csv")
    assert rows(written(tmp_path, "empty.csv", "")) == []
    assert Row("1+2", "3") == ("1+2", "3")
