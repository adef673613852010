"""Files of records: what is written is read back, and nothing else is accepted."""

import json
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.common.errors import BadRowError, UserError
from src.data.description import Convention, write_description
from src.data.formats import PLAIN
from src.data.problems import PRECEDENCES
from src.data.reading import read_distinct, read_records, read_splits
from src.data.records import SPLITS, Record

from ..conftest import write_records
from .test_records import GOOD, record_lists, record_of

NOT_AN_OBJECT = "not an object with prompt, target and text"


def line(prompt: object, target: object, text: object = None) -> str:
    """A line of the format, with a text that fits unless one is given."""
    fitting = f"<bos>{prompt}{target}<eos>"
    return json.dumps({"prompt": prompt, "target": target, "text": text or fitting})


@pytest.mark.parametrize("precedence", PRECEDENCES)
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_records_are_read_back_as_they_were_written(precedence: str, data: st.DataObject) -> None:
    records = data.draw(record_lists([precedence]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "deep", "train.jsonl")
        write_records(path, records)
        write_description(path.parent, Convention(PLAIN, precedence))
        assert list(read_records(path)) == records
        for written, record in zip(path.read_text().splitlines(), records, strict=True):
            fields = json.loads(written)
            assert fields == {"prompt": record[0], "target": record[1], "text": record.text}


def test_the_last_line_end_and_the_order_of_keys_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text('{"text": "<bos>1-2=-1<eos>", "target": "-1", "prompt": "1-2=", "more": 0}')
    assert list(read_records(path)) == [Record("1-2=", "-1")]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("", "not JSON"),
        ("nonsense", "not JSON"),
        (GOOD[:-1], "not JSON"),
        (GOOD + GOOD, "not JSON"),
        ("3", NOT_AN_OBJECT),
        ("null", NOT_AN_OBJECT),
        ('"prompt"', NOT_AN_OBJECT),
        ('["prompt", "target", "text"]', NOT_AN_OBJECT),
        ("[" * 10**5, NOT_AN_OBJECT),
        ('{"prompt": "1+1=", "target": "2"}', NOT_AN_OBJECT),
        ('{"prompt": "1+1=", "text": "<bos>1+1=2<eos>"}', NOT_AN_OBJECT),
        ('{"target": "2", "text": "<bos>1+1=2<eos>"}', NOT_AN_OBJECT),
        (line("1+1", "2"), "prompt '1+1' must be of the form 554+456=, operators + - * /"),
        (line("1=", "1"), "prompt '1=' must be of the form"),
        (line("-1+2=", "1"), "prompt '-1+2=' must be of the form"),
        (line("1 + 1=", "2"), "prompt '1 + 1=' must be of the form"),
        (line("1+1=\n", "2"), r"prompt '1+1=\n' must be of the form"),
        (line("٣+1=", "4"), "prompt '٣+1=' must be of the form"),
        (line("", "2"), "prompt '' must be of the form"),
        (line(["1+1="], "2"), "prompt ['1+1='] must be a text"),
        (line(None, "2"), "prompt None must be a text"),
        (line("1+1=", 2), "target 2 must be a text"),
        (line("1+1=", "2.0"), "target '2.0' must be a whole number"),
        (line("1+1=", "+2"), "target '+2' must be a whole number"),
        (line("1+1=", "--2"), "target '--2' must be a whole number"),
        (line("1+1=", ""), "target '' must be a whole number"),
        (line("1+1=", "two"), "target 'two' must be a whole number"),
        (line("1+1=", "2", "1+1=2"), "text '1+1=2' is not '<bos>1+1=2<eos>'"),
        (line("1+1=", "2", ["<bos>1+1=2<eos>"]), "is not '<bos>1+1=2<eos>'"),
        (line("1+1=", "3"), "the answer to 1+1= is 2, not 3"),
        (line("1+1=", "02"), "the answer to 1+1= is 2, not 02"),
        (line("1-1=", "-0"), "the answer to 1-1= is 0, not -0"),
        (line("2+3*4=", "15"), "the answer to 2+3*4= is 20, not 15"),
        (line("7/0=", "0"), "7/0"),
        (line("7/2=", "3"), "7/2"),
        ('{"prompt": ' + "1" * 5000 + "}", "digits"),
    ],
)
def test_a_broken_line_is_refused_with_file_and_number(
    tmp_path: Path, broken: str, reason: str
) -> None:
    path = tmp_path / "val.jsonl"
    path.write_text(f"{GOOD}\n{GOOD}\n{broken}\n{GOOD}\n", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_records(path)
    assert str(caught.value).startswith(f"{path}, line 3: ")
    assert reason in str(caught.value)


HINT = "; with standard precedence it is right: python -m src.import_data --precedence standard"


@pytest.mark.parametrize(
    ("record", "wrong"),
    [
        (Record("3+3*4=", "15"), "the answer to 3+3*4= is 24, not 15"),
        (Record("1+4/2=", "3"), "5/2 has no whole result"),
    ],
)
def test_without_a_description_operators_bind_from_left_to_right(
    tmp_path: Path, record: Record, wrong: str
) -> None:
    path = tmp_path / "train.jsonl"
    right = [Record("1+1=", "2"), Record("2+3*4=", "20"), Record("1+3/2=", "2")]
    write_records(path, right)
    assert list(read_records(path)) == right
    write_records(path, [*right, record])
    with pytest.raises(UserError) as caught:
        read_records(path)
    assert str(caught.value) == f"{path}, line 4: {wrong}{HINT}"
    # What is right with no precedence has no hint.
    write_records(path, [*right, record._replace(target="16")])
    with pytest.raises(UserError) as caught:
        read_records(path)
    assert "standard" not in str(caught.value)


@pytest.mark.parametrize("change", [False, True])
def test_a_folder_that_says_how_operators_bind_is_read_so(tmp_path: Path, change: bool) -> None:
    path = tmp_path / "train.jsonl"
    write_records(path, [Record("2+3*4=", "14"), Record("1+4/2=", "3")])
    write_description(tmp_path, Convention(PLAIN, "standard"))
    if change:
        # Each row is checked all the same.
        write_records(path, [Record("2+3*4=", "14")])
    assert read_records(path)[0] == Record("2+3*4=", "14")
    write_records(path, [Record("2+3*4=", "20")])
    with pytest.raises(UserError, match="not 20; with left_to_right precedence it is right"):
        read_records(path)


@pytest.mark.parametrize("block", [1, 100, 2**20])
def test_blocks_of_any_size_are_read_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr("src.data.reading._BLOCK", block)
    path = tmp_path / "train.jsonl"
    records = [record_of(f"{x}*{10**x}=") for x in (3, 1, 0, 2, 5, 4)]
    write_records(path, records)
    # One of them is longer than usual, another has its keys in another order.
    text = path.read_text().replace('{"prompt": "1*', '{"prompt":  "1*')
    reordered = '{"text": "<bos>7-9=-2<eos>", "target": "-2", "prompt": "7-9="}'
    path.write_text(f"{text}{reordered}\r\n{text.splitlines()[0]}")
    read = read_records(path)
    assert list(read) == [*records, Record("7-9=", "-2"), records[0]]
    assert len(read) == 8
    assert read[2] == records[2]
    assert read[-1] == records[0]
    assert read[1:3] == records[1:3]
    assert read.tokens.shape == (8, len("5*100000=500000") + 2)
    with path.open("a") as file:
        file.write(f"\n{GOOD}\n" + line("1+1=", "3"))
    with pytest.raises(UserError, match=r"line 10: the answer to 1\+1= is 2, not 3"):
        read_records(path)


def test_the_last_of_many_lines_is_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    write_records(path, [record_of(f"{x}+{x}=") for x in range(30_000)])
    assert len(read_records(path)) == 30_000
    with path.open("a") as file:
        file.write(line("2+2=", "5"))
    with pytest.raises(UserError, match=r"line 30001: the answer to 2\+2= is 4, not 5"):
        read_records(path)


def test_a_problem_that_occurs_twice_in_a_split_is_refused(tmp_path: Path) -> None:
    write_splits(tmp_path, train=["1+1="], val=["2+1=", "4+1=", "2+1="], test=["3+1="])
    with pytest.raises(UserError) as caught:
        read_splits(tmp_path)
    assert str(caught.value) == f"{tmp_path / 'val.jsonl'}: 1 problems occur more than once"


@pytest.mark.parametrize("block", [1, 2**20])
def test_bad_rows_are_refused_by_line_or_left_out_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr("src.data.reading._BLOCK", block)
    path = tmp_path / "test.jsonl"
    rows = [GOOD, "nonsense", line("1+1=", "3"), line("1+1=", "2"), line("2-2=", "-0"), GOOD]
    for bad, reason in (
        ([1], "line 2: not JSON"),
        ([2], "line 2: the answer to 1+1= is 2, not 3"),
        ([3, 5], "line 3: 554+456= stands in line 1 too"),
    ):
        path.write_text("\n".join([rows[0], *(rows[i] for i in bad)]))
        with pytest.raises(BadRowError) as caught:
            read_distinct(path)
        assert str(caught.value).startswith(f"{path}, {reason}")
    path.write_text("\n".join(rows))
    skipped: Counter[str] = Counter()
    assert list(read_distinct(path, skipped)) == [Record("554+456=", "1010"), Record("1+1=", "2")]
    assert skipped == {"malformed": 1, "wrong": 2, "duplicate": 1}


def test_a_missing_file_is_refused_with_the_command_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read_records(tmp_path / "train.jsonl")
    message = f"{tmp_path / 'train.jsonl'}: no such file; python -m src.data_gen writes it"
    assert str(caught.value) == message


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.touch()
    with pytest.raises(UserError) as caught:
        read_records(path)
    assert str(caught.value) == f"{path}: holds no problems"


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError) as caught:
        read_records(path)
    assert str(caught.value).startswith(f"{path}: not text: ")


def write_splits(folder: Path, **prompts: list[str]) -> None:
    """One record a prompt."""
    for split, of_split in prompts.items():
        write_records(folder / f"{split}.jsonl", [record_of(prompt) for prompt in of_split])


def test_splits_are_read_together(tmp_path: Path) -> None:
    write_splits(tmp_path, train=["1+1=", "1+2="], val=["2+1="], test=["3+1="])
    splits = read_splits(tmp_path)
    assert tuple(splits) == SPLITS == ("train", "val", "test")
    assert [record.prompt for record in splits["train"]] == ["1+1=", "1+2="]
    assert list(splits["val"]) == [Record("2+1=", "3")]
    assert list(splits["test"]) == [Record("3+1=", "4")]


@pytest.mark.parametrize(("one", "other"), [("train", "val"), ("train", "test"), ("val", "test")])
def test_a_problem_in_two_splits_is_refused(tmp_path: Path, one: str, other: str) -> None:
    splits = {"train": ["1+1="], "val": ["2+2="], "test": ["3+3="]}
    splits[one] += ["9-4=", "8-4=", "7-4="]
    splits[other] += ["8-4=", "6-4=", "9-4="]
    write_splits(tmp_path, **splits)
    with pytest.raises(UserError) as caught:
        read_splits(tmp_path)
    report = f"2 problems are in both {one} and {other}, such as 8-4="
    assert str(caught.value) == f"{tmp_path}: {report}"


@pytest.mark.parametrize("split", SPLITS)
def test_a_missing_split_is_refused(tmp_path: Path, split: str) -> None:
    write_splits(tmp_path, train=["1+1="], val=["2+1="], test=["3+1="])
    (tmp_path / f"{split}.jsonl").unlink()
    with pytest.raises(UserError, match=rf"{split}\.jsonl: no such file"):
        read_splits(tmp_path)
