"""Other people's problems become a data set that trains and is graded, or nothing is written."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from src.common.errors import UserError
from src.common.folders import claimed
from src.data.description import read_convention, read_description
from src.data.reading import read_distinct, read_splits
from src.data.records import SPLITS, Record
from src.data_gen import write
from src.import_data.__main__ import by_split, import_data, main

from ..conftest import small_disk, tiny_params

FRACTIONS = {"val": 0.2, "test": 0.1}


def sums(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def hundred(folder: Path, name: str = "sums.txt") -> Path:
    return sums(folder, name, *(f"{a} + {b} = {a + b}" for a in range(10) for b in range(10)))


def imported(path: Path, out: Path, **options: Any) -> dict[str, int]:
    """One file as training data."""
    return import_data([("train", path)], out, FRACTIONS, 0, **options)


def test_a_file_is_split_and_described(tmp_path: Path) -> None:
    path, out = hundred(tmp_path), tmp_path / "new" / "data"
    assert imported(path, out) == {"train": 70, "val": 20, "test": 10}
    splits = read_splits(out)
    assert {split: len(records) for split, records in splits.items()} == {
        "train": 70,
        "val": 20,
        "test": 10,
    }
    everything = {record for records in splits.values() for record in records}
    assert everything == {Record(f"{a}+{b}=", f"{a + b}") for a in range(10) for b in range(10)}
    told = read_description(out)
    assert told is not None
    assert [told[key] for key in ("data", "precedence", "format")] == [
        None,
        "left_to_right",
        "plain",
    ]
    assert sorted(file.name for file in out.iterdir()) == [
        "config.yaml",
        "test.jsonl",
        "train.jsonl",
        "val.jsonl",
    ]
    assert sorted(file.name for file in out.parent.iterdir()) == ["data"]


def test_the_same_seed_makes_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    path = hundred(tmp_path)
    contents = []
    for number, seed in enumerate((0, 0, 1)):
        out = tmp_path / str(number)
        import_data([("train", path)], out, FRACTIONS, seed)
        contents.append([(out / f"{split}.jsonl").read_bytes() for split in SPLITS])
    assert contents[0] == contents[1] != contents[2]


def test_files_that_are_named_as_splits_are_kept(tmp_path: Path) -> None:
    train = sums(tmp_path, "train.csv", "problem,answer", *(f"{a}+1,{a + 1}" for a in range(40)))
    test = sums(tmp_path, "Test.txt", "1+3=4", "2+3=5")
    counts = import_data(by_split([train, test], []), tmp_path / "out", FRACTIONS, 0)
    assert counts == {"train": 32, "val": 8, "test": 2}
    assert list(read_splits(tmp_path / "out")["test"]) == [Record("1+3=", "4"), Record("2+3=", "5")]


def test_a_test_set_alone_makes_a_folder_to_grade_on(tmp_path: Path) -> None:
    path, out = hundred(tmp_path), tmp_path / "out"
    main(["--split", f"test={path}", "--out_dir", str(out)])
    assert len(read_distinct(out / "test.jsonl")) == 100
    assert sorted(file.name for file in out.iterdir()) == ["config.yaml", "test.jsonl"]


@pytest.mark.parametrize(
    ("files", "named", "message"),
    [
        ([], [], "name a file"),
        (["train.csv", "more.csv"], [], r"more\.csv: its name is no split's"),
        (["a.csv"], ["exam=b.csv"], "--split exam=b.csv: must be SPLIT=FILE"),
        (["a.csv"], ["test"], "--split test: must be"),
    ],
)
def test_files_of_unclear_splits_are_refused(
    files: list[str], named: list[str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        by_split([Path(file) for file in files], named)


def test_what_is_left_out_is_told_by_line_ten_of_each_kind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"{a}+0={a}" for a in range(40)] + ["7+7=15"] * 13 + ["seven"] + ["5+5"] * 2
    path = sums(tmp_path, "sums.txt", *lines)
    imported(path, tmp_path / "out")
    printed = capsys.readouterr().out.splitlines()
    wrong = f"{path}, line {{}}: the answer to 7+7= is 14, not 15"
    assert printed[:10] == [wrong.format(line) for line in range(41, 51)]
    assert printed[10:13] == [
        f"{path}, line 54: 'seven' is not of the form 554+456",
        f"{path}, line 55: no answer",
        f"{path}, line 56: no answer",
    ]
    sizes = f"{tmp_path / 'out'}: 28 train, 8 val, 4 test problems"
    assert printed[13].startswith(sizes)
    assert printed[13].endswith("left out: 13 wrong, 1 no problem, 2 no whole answer")
    assert len(printed) == 14


def test_repeated_problems_are_refused_or_dropped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = sums(tmp_path, "train.txt", *(f"{a}+0={a}" for a in range(40)), "3 + 0 = 3")
    test = sums(tmp_path, "test.txt", "1+1=2", "5+0=5")
    sources, out = by_split([train, test], []), tmp_path / "out"
    with pytest.raises(UserError) as caught:
        import_data(sources, out, FRACTIONS, 0)
    # The test set stays whole: it is the training row that goes.
    where = f"{train}, line 6: 5+0= stands in {test}, line 2, too"
    assert str(caught.value) == f"{where}; --drop_duplicates leaves such rows out, 2 in all"
    assert not out.exists()
    capsys.readouterr()
    counts = import_data(sources, out, FRACTIONS, 0, drop=True)
    assert counts == {"train": 31, "val": 8, "test": 2}
    assert where in capsys.readouterr().out
    read_splits(out)


def test_all_answers_must_be_of_one_precedence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"{a}+1={a + 1}" for a in range(20)]
    path = sums(tmp_path, "sums.txt", *lines, "2+3*4=14", "2+3*5=25")
    out = tmp_path / "out"
    with pytest.raises(UserError) as caught:
        imported(path, out)
    assert str(caught.value) == (
        f"{path}, line 21, is wrong under left_to_right and {path}, line 22, is wrong under "
        "standard: --precedence must say which one is meant"
    )
    assert not out.exists()
    capsys.readouterr()
    counts = imported(path, out, precedence="standard")
    assert sum(counts.values()) == 21
    assert f"{path}, line 22: the answer to 2+3*5= is 17, not 25" in capsys.readouterr().out
    assert read_convention(out).precedence == "standard"
    read_splits(out)
    sums(tmp_path, "sums.txt", *lines, "2+3*4=14")
    imported(path, tmp_path / "other")
    prompts = {r.prompt for records in read_splits(tmp_path / "other").values() for r in records}
    assert "2+3*4=" in prompts
    assert read_convention(tmp_path / "other").precedence == "standard"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "holds no problems with right answers; left out: nothing"),
        (["hello", "1+1=3"], "left out: 1 no problem, 1 wrong"),
        (["1+1=2", "1+2=3"], "--val_fraction 0.2: leaves val empty, with 2 problems in all"),
    ],
)
def test_too_few_problems_are_refused(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        imported(sums(tmp_path, "sums.txt", *lines), tmp_path / "out")
    assert [file.name for file in tmp_path.iterdir()] == ["sums.txt"]


def test_a_failure_in_the_middle_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = hundred(tmp_path)
    monkeypatch.setattr("src.import_data.__main__.write_description", None)
    with pytest.raises(TypeError):
        imported(path, tmp_path / "out")
    assert list(tmp_path.iterdir()) == [path]


def test_only_what_this_command_wrote_is_replaced(tmp_path: Path) -> None:
    path, out = hundred(tmp_path), tmp_path / "out"
    imported(path, out)
    before = (out / "train.jsonl").read_bytes()
    with pytest.raises(UserError, match=r"out: exists already; --overwrite replaces it"):
        imported(path, out)
    sums(tmp_path, "other.txt", *(f"{a}+0={a}" for a in range(40)))
    imported(tmp_path / "other.txt", out, overwrite=True)
    assert len(read_splits(out)["train"]) == 28
    assert (out / "train.jsonl").read_bytes() != before

    (out / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"notes\.txt, which this command did not write"):
        imported(path, out, overwrite=True)
    assert (out / "notes.txt").read_text() == "mine"

    generated = tmp_path / "generated"
    write(tiny_params().data, generated, counts_in=tmp_path)
    edited = tmp_path / "edited"
    imported(path, edited)
    with (edited / "test.jsonl").open("a") as file:
        file.write("\n")
    for folder in (generated, edited):
        with pytest.raises(UserError, match="holds splits that this command did not write"):
            imported(path, folder, overwrite=True)
        assert (folder / "train.jsonl").exists()


def test_the_pipelines_own_data_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the pipeline writes in data/arithmetic"):
        main([str(hundred(tmp_path)), "--out_dir", "data/arithmetic"])


def test_a_second_command_into_one_folder_is_refused(tmp_path: Path) -> None:
    path, out = hundred(tmp_path), tmp_path / "out"
    with claimed(out), pytest.raises(UserError, match=rf"out: process {os.getpid()} writes there"):
        main([str(path), "--out_dir", str(out)])
    main([str(path), "--out_dir", str(out)])
    assert read_splits(out)


def test_a_full_disk_is_named_and_an_earlier_data_set_stays(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with small_disk(tmp_path, "64k"):
        imported(sums(tmp_path, "few.txt", *(f"{a}+0={a}" for a in range(40))), out)
        before = {path.name: path.read_bytes() for path in out.iterdir()}
        many = sums(tmp_path, "many.txt", *(f"{a}+0={a}" for a in range(1000)))
        with pytest.raises(OSError, match="No space left on device") as caught:
            imported(many, out, overwrite=True)
        assert caught.value.filename == str(out)
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before
        assert {path.name for path in tmp_path.iterdir()} == {"few.txt", "many.txt", "out"}


def test_the_command_takes_what_params_yaml_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.dumps({"q": f"{a}+{b}", "n": a + b}) for a in range(20) for b in range(20)]
    path, out = sums(tmp_path, "sums.jsonl", *lines), tmp_path / "out"
    argv = [str(path), "--out_dir", str(out), "--problem", "q", "--answer", "n"]
    main([*argv, "--val_fraction", "0.1", "--seed", "3"])
    assert f"{out}: 340 train, 40 val, 20 test problems, such as " in capsys.readouterr().out
