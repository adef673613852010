"""The generate stage: right answers, no problem twice, the same bytes from the same params."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tracemalloc
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from src.common.errors import UserError
from src.common.folders import claimed
from src.config import DataConfig
from src.data.description import read_description
from src.data.problems import PRECEDENCES
from src.data.reading import read_splits
from src.data.records import SPLITS, Record
from src.data_gen import FLAGS, generate, main, write
from src.params import load_params

from .conftest import ROOT, tiny_params
from .data.test_problems import all_prompts, divides_exactly, value

# Not that of params.yaml, which experiments may change.
BASE: dict[str, Any] = {
    "N": 2,
    "A": 0,
    "B": 999,
    "ops": "+",
    "precedence": "left_to_right",
    "n_samples": 1000,
    "val_fraction": 0.1,
    "test_fraction": 0.1,
    "length_balance": 0.6,
    "split_by": "problem",
    "seed": 0,
}


def data_config(**changes: Any) -> DataConfig:
    """A `data:` section with some values changed."""
    return DataConfig(**{**BASE, **changes})


def operands_of(records: list[Record]) -> np.ndarray:
    """(number of records, N)."""
    return np.array([[int(x) for x in re.findall("[0-9]+", record.prompt)] for record in records])


def assert_correct(splits: dict[str, list[Record]], config: DataConfig) -> None:
    """All that must hold of every data set."""
    records = [record for split in SPLITS for record in splits[split]]
    assert {split: len(splits[split]) for split in splits} == config.split_sizes
    assert len(records) == config.n_samples
    assert len({prompt for prompt, _ in records}) == len(records)
    shape = re.compile(rf"[0-9]+([{re.escape(config.ops)}][0-9]+){{{config.N - 1}}}=")
    for prompt, target in records:
        assert shape.fullmatch(prompt)
        assert divides_exactly(prompt, config.precedence)
        assert target == str(value(prompt, config.precedence))
    operands = operands_of(records)
    assert operands.min() >= config.A
    assert operands.max() <= config.B


@pytest.mark.parametrize("ops", ["+", "+-*"])
def test_operands_of_thirty_digits_are_written_and_read_back(ops: str, tmp_path: Path) -> None:
    config = data_config(B=10**30 - 1, ops=ops, length_balance=1.0, n_samples=3000)
    counts, _ = write(config, tmp_path)
    assert [n for name, n in counts.items() if name.startswith("identical")] == [0, 0, 0]
    read = {split: list(records) for split, records in read_splits(tmp_path).items()}
    assert read == generate(config)
    assert_correct(read, config)
    lengths = [len(str(x)) for x in operands_of(read["train"]).ravel()]
    # 160 each is expected; the standard deviation is 13.
    assert 100 < min(lengths.count(k) for k in range(1, 31))
    assert min(len(str(x)) for x in operands_of(read["test"]).ravel()) > 25


@st.composite
def lengths(draw: st.DrawFn, A: int, B: int) -> dict[str, Any]:
    """What says how long the operands of the training problems are."""
    if A < 10 and draw(st.booleans()):
        mix = draw(st.lists(st.floats(0, 0.5), max_size=len(str(B))))
        return {"length_balance": 0.0, "length_mix": mix}
    return {"length_balance": draw(st.floats(0, 1)), "length_exponent": draw(st.floats(0, 1))}


@st.composite
def small_data_configs(draw: st.DrawFn) -> tuple[DataConfig, int]:
    """Configurations with at least one problem a split, and how many problems there are."""
    N = draw(st.integers(2, 3))
    A = draw(st.integers(0, 12))
    B = A + draw(st.integers(0, 8 if N == 2 else 3))
    ops = draw(st.text("+-*/", min_size=1, max_size=4).filter(lambda ops: len({*ops}) == len(ops)))
    precedence = draw(st.sampled_from(PRECEDENCES))
    size = len(list(all_prompts(N, A, B, ops, precedence)))
    assume(size >= 4)
    return data_config(
        N=N,
        A=A,
        B=B,
        ops=ops,
        precedence=precedence,
        n_samples=draw(st.just(size) | st.integers(4, size)),
        val_fraction=0.25,
        test_fraction=0.25,
        **draw(lengths(A, B)),
        seed=draw(st.integers(0, 2**32 - 1)),
    ), size


@settings(deadline=None, max_examples=60)
@given(small_data_configs())
def test_every_data_set_is_correct_and_repeatable(case: tuple[DataConfig, int]) -> None:
    config, _ = case
    splits = generate(config)
    assert_correct(splits, config)
    assert generate(config) == splits


@settings(deadline=None, max_examples=30)
@given(small_data_configs(), st.integers(1, 1000))
def test_more_problems_than_there_are_are_refused_with_their_number(
    case: tuple[DataConfig, int], surplus: int
) -> None:
    config, size = case
    n_samples = size + surplus
    with pytest.raises(UserError) as caught:
        generate(config.model_copy(update={"n_samples": n_samples}))
    report = f"data.n_samples = {n_samples}: only {size} different problems exist"
    assert str(caught.value) == report


def test_all_additions_of_two_digits_are_shared_out() -> None:
    splits = generate(data_config(B=9, n_samples=100, test_fraction=0.2))
    assert {split: len(splits[split]) for split in splits} == {"train": 70, "val": 10, "test": 20}
    records = [record for split in SPLITS for record in splits[split]]
    expected = [(f"{a}+{b}=", str(a + b)) for a in range(10) for b in range(10)]
    assert sorted(records) == sorted(expected)


def test_the_hundred_and_first_addition_is_refused() -> None:
    with pytest.raises(UserError, match=r"data\.n_samples = 101: only 100 different problems"):
        generate(data_config(B=9, n_samples=101))


def test_the_published_example_of_70000_additions_is_correct() -> None:
    config = data_config(n_samples=70_000)
    splits = generate(config)
    records = [record for split in SPLITS for record in splits[split]]
    assert len({prompt for prompt, _ in records}) == 70_000
    operands = operands_of(records)
    assert operands.shape == (70_000, 2)
    assert operands.min() == 0
    assert operands.max() == 999
    assert operands.sum(1).tolist() == [int(target) for _, target in records]


@pytest.mark.parametrize("precedence", PRECEDENCES)
@pytest.mark.parametrize(("N", "ops"), [(2, "*/"), (3, "+-*/"), (4, "/*"), (4, "+-/")])
def test_larger_spaces_are_correct_too(N: int, ops: str, precedence: str) -> None:
    config = data_config(N=N, B=30, ops=ops, precedence=precedence, n_samples=400)
    splits = generate(config)
    assert_correct(splits, config)
    prompts = "".join(prompt for prompt, _ in splits["train"])
    assert {symbol for symbol in prompts if not symbol.isdigit()} == {*ops, "="}


def test_negative_answers_have_a_minus_sign() -> None:
    config = data_config(B=9, ops="-", n_samples=100)
    targets = dict(record for records in generate(config).values() for record in records)
    assert targets["3-5="] == "-2"
    assert targets["5-3="] == "2"
    assert sum(target.startswith("-") for target in targets.values()) == 45


@pytest.mark.parametrize(("precedence", "answer"), [("standard", "14"), ("left_to_right", "20")])
def test_2_plus_3_times_4(precedence: str, answer: str) -> None:
    config = data_config(N=3, A=2, B=4, ops="+*", precedence=precedence, n_samples=27 * 4)
    targets = dict(record for records in generate(config).values() for record in records)
    assert targets["2+3*4="] == answer


def test_zero_divided_by_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="the only divisor would be 0, as A = B = 0"):
        data_config(A=0, B=0, ops="/")
    config = data_config(A=0, B=0, ops="+/", n_samples=4, val_fraction=0.25, test_fraction=0.25)
    with pytest.raises(UserError, match="only 1 different problems exist"):
        generate(config)


def test_long_additions_are_possible() -> None:
    # Seven times 999 is 6,993: far from what 63 bits hold.
    config = data_config(N=7, ops="+", n_samples=400)
    assert_correct(generate(config), config)


def test_length_balance_makes_short_operands_frequent_in_train_alone() -> None:
    sets = {
        balance: generate(data_config(n_samples=40_000, test_fraction=0.2, length_balance=balance))
        for balance in (0.0, 0.6)
    }
    for split in ("val", "test"):
        assert sets[0.0][split] == sets[0.6][split]
    assert sets[0.0]["train"] != sets[0.6]["train"]
    short = {balance: (operands_of(sets[balance]["train"]) < 100).mean() for balance in sets}
    assert short[0.0] == pytest.approx(0.1, abs=0.01)
    # 0.4 * 0.1 + 0.6 * 2/3, less what is refused because the few short problems are used up.
    assert 0.25 < short[0.6] < 0.45
    for record_set in (sets[0.0]["train"], sets[0.6]["test"]):
        hundreds = np.bincount(operands_of(record_set).ravel() // 100, minlength=10)
        assert hundreds / hundreds.sum() == pytest.approx([0.1] * 10, abs=0.015)


def test_a_seed_is_another_data_set() -> None:
    one, other = (generate(data_config(n_samples=1000, seed=seed)) for seed in (0, 1))
    for split in SPLITS:
        assert one[split] != other[split]


def swapped(prompt: str) -> str:
    """The same operands in ascending order."""
    operands = iter(sorted(re.findall("[0-9]+", prompt), key=int))
    return re.sub("[0-9]+", lambda _: next(operands), prompt)


def assert_counted(splits: dict[str, list[Record]], counts: dict[str, int]) -> None:
    """That data.json says what the splits hold and share."""
    for split in SPLITS:
        assert counts[f"n_{split}"] == len(splits[split])
    for a, b in (("test", "train"), ("val", "train"), ("test", "val")):
        others = {swapped(record.prompt) for record in splits[b]}
        expected = sum(swapped(record.prompt) in others for record in splits[a])
        assert counts[f"swapped_{a}_{b}"] == expected
        assert counts[f"identical_{a}_{b}"] == 0


@pytest.mark.parametrize("ops", ["+", "+-*", "+-*/"])
@pytest.mark.parametrize("N", [2, 3])
def test_what_is_written_and_counted(tmp_path: Path, N: int, ops: str) -> None:
    config = data_config(N=N, B=30 if N == 2 else 9, ops=ops, n_samples=700)
    counts, first = write(config, tmp_path)
    splits = read_splits(tmp_path)
    assert {split: list(splits[split]) for split in SPLITS} == generate(config)
    assert_counted(generate(config), counts)
    assert counts["swapped_test_train"] > 0
    assert first == "".join(splits["train"][0])


@pytest.mark.parametrize("ops", ["+", "+-*"])
def test_split_by_unordered_keeps_swapped_problems_on_one_side(tmp_path: Path, ops: str) -> None:
    config = data_config(B=40, ops=ops, n_samples=1000, split_by="unordered")
    counts, _ = write(config, tmp_path)
    splits = generate(config)
    assert_counted(splits, counts)
    assert not any(n for name, n in counts.items() if not name.startswith("n_"))
    # Within a split they stay.
    prompts = {record.prompt for record in splits["train"]}
    assert any(f"{b}+{a}=" in prompts for a, b in operands_of(splits["train"]) if a < b)


def test_too_few_problems_leave_the_files_as_they_were(tmp_path: Path) -> None:
    write(data_config(), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UserError, match="different problems were found"):
        write(data_config(B=9, n_samples=99, split_by="unordered"), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_more_than_the_disk_holds_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = data_config(N=3, n_samples=1000)
    # The shortest line is {"prompt": "0+0+0=", "target": "0", "text": "<bos>0+0+0=0<eos>"}.
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=65_000 - 1))
    with pytest.raises(UserError) as caught:
        write(config, tmp_path / "new" / "data")
    report = f"their lines take 0.0 GB and more, and {tmp_path} has 0.0 GB free"
    assert str(caught.value) == f"data.n_samples = 1000: {report}"
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=65_000))
    write(config, tmp_path)


def test_memory_does_not_grow_with_the_number_of_problems(tmp_path: Path) -> None:
    peaks = []
    for n_samples in (100_000, 400_000):
        tracemalloc.start()
        write(data_config(B=99_999, n_samples=n_samples), tmp_path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.05 * peaks[0] < 2**25


def test_split_by_unordered_says_when_too_few_are_left() -> None:
    config = data_config(B=9, n_samples=99, split_by="unordered")
    with pytest.raises(UserError, match=r"n_samples = 99: only [0-9]+ different problems"):
        generate(config)


def test_the_command_writes_what_generate_returns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    flags = "--n_samples 500 --N 3 --A 1 --B 20 --ops + - / --seed 7"
    main(["--out_dir", str(tmp_path / "data"), *flags.split()])
    # What no flag says is as in params.yaml.
    given_ = {"n_samples": 500, "N": 3, "A": 1, "B": 20, "ops": "+-/", "seed": 7}
    config = DataConfig(**{**load_params().data.model_dump(), **given_})
    splits = read_splits(tmp_path / "data")
    assert {split: list(splits[split]) for split in SPLITS} == generate(config)
    assert_counted(generate(config), json.loads((tmp_path / "data" / "data.json").read_text()))
    description = read_description(tmp_path / "data")
    assert description is not None
    assert description["data"] == config.to_plain()
    written = {path.name for path in (tmp_path / "data").iterdir()}
    assert written == {*(f"{split}.jsonl" for split in SPLITS), "config.yaml", "data.json"}
    # The pipeline's own results stay.
    assert list(Path.cwd().iterdir()) == []
    report = capsys.readouterr().out
    assert report.startswith(f"{tmp_path / 'data'}: ")
    for split, size in config.split_sizes.items():
        assert f"{size} {split}" in report


def test_each_key_of_data_is_a_flag(tmp_path: Path) -> None:
    assert {*FLAGS, "ops"} == set(DataConfig.model_fields)
    flags = "--val_fraction 0.25 --test_fraction 0.3 --length_balance 0.5 --split_by unordered"
    flags += (
        " --precedence standard --modulus 7 --format plain --n_samples 40 --N 3 --A 1 --B 9"
        " --seed 5 --ops - *"
    )
    main(["--out_dir", str(tmp_path), *flags.split()])
    description = read_description(tmp_path)
    assert description is not None
    assert description["data"] == {
        "N": 3,
        "A": 1,
        "B": 9,
        "ops": "-*",
        "precedence": "standard",
        "modulus": 7,
        "n_samples": 40,
        "val_fraction": 0.25,
        "test_fraction": 0.3,
        "length_balance": 0.5,
        "split_by": "unordered",
        "seed": 5,
    }
    counts = json.loads((tmp_path / "data.json").read_text())
    assert [counts[f"n_{split}"] for split in SPLITS] == [18, 10, 12]


@pytest.mark.parametrize(
    "words",
    [
        ["--ops", "-+"],
        ["--ops=-+"],
        ["--ops", "-", "+"],
        ["--ops", "- +"],
        ["--ops= -", "+"],
        ["--ops", "-", "+", "--N", "2"],
    ],
)
def test_operators_are_given_in_any_way(words: list[str], tmp_path: Path) -> None:
    main(["--out_dir", str(tmp_path), "--n_samples", "100", *words])
    description = read_description(tmp_path)
    assert description is not None
    assert description["data"]["ops"] == "-+"


WORDS = [f"--{key}" for key in (*FLAGS, "ops", "config")]
VALUES = [
    "3",
    "0.5",
    "1e3",
    "nan",
    "inf",
    "-1",
    "0",
    "",
    " ",
    "-",
    "--",
    "-+",
    "+",
    "*",
    "/",
    "a=b",
    "true",
    "[0.1,0.2]",
]
VALUES += ["--ops=", "--ops=-", "-h5", "--0", "standard", "unordered", "README.md", "\0", "\ud800"]


@settings(deadline=None, max_examples=300)
@given(words=st.lists(st.sampled_from(WORDS) | st.sampled_from(VALUES), max_size=8))
def test_any_flags_write_data_or_are_refused(
    words: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    # No file has such a name, and no system hands it to a program.
    assume(all(a != "--config" or b not in ("\0", "\ud800") for a, b in pairwise(words)))
    folder = tmp_path_factory.mktemp("flags") / "data"
    try:
        main(["--n_samples", "30", "--B", "40", *words, "--out_dir", str(folder)])
    except (UserError, OSError):
        # `cli.run` makes one line of either; --config '' is a folder that cannot be read.
        assert not folder.exists()
    else:
        description = read_description(folder)
        assert description is not None
        counts = json.loads((folder / "data.json").read_text())
        n = description["data"]["n_samples"]
        assert sum(counts[f"n_{split}"] for split in SPLITS) == n
        shown = sum(map(len, read_splits(folder).values()))
        assert n < shown < 2 * n if "both_orders" in description["data"] else shown == n


@pytest.mark.parametrize("word", ["README.md", "src/"])
def test_an_asterisk_that_became_a_files_name_is_told(
    word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(UserError, match=rf"^--ops {word}: a file's name, .* quote it: --ops '\*'$"):
        main(["--out_dir", str(tmp_path), "--ops", "+", word, "tests"])


@pytest.mark.parametrize(
    "words", [["--N", "3"], ["--out_dir", "data/arithmetic"], ["--out_dir", "data/arithmetic/new"]]
)
def test_by_hand_nothing_goes_to_the_pipelines_folder(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"--out_dir must name a folder|: the pipeline writes in "):
        main(words)
    assert list(tmp_path.iterdir()) == []


def test_without_flags_it_is_the_pipelines_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("src.data_gen.PARAMS_FILE", tmp_path / "params.yaml")
    Path("params.yaml").write_text(yaml.safe_dump(tiny_params().model_dump()))
    main([])
    files = {str(path) for path in Path().rglob("*.*")}
    data = {f"data/arithmetic/{split}.jsonl" for split in SPLITS} | {"data/arithmetic/config.yaml"}
    assert files == {"params.yaml", "metrics/data.json", *data}


def test_another_config_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("model: {}\n")
    with pytest.raises(UserError, match="describes no data"):
        write(data_config(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize(
    ("workers", "sent", "code", "said"),
    [
        (0, signal.SIGINT, 130, "stopped"),
        (2, signal.SIGINT, 130, "stopped"),
        (0, signal.SIGTERM, 143, "stopped by SIGTERM"),
        (2, signal.SIGTERM, 143, "stopped by SIGTERM"),
        (2, signal.SIGHUP, 129, "stopped by SIGHUP"),
    ],
)
def test_a_stopped_command_leaves_nothing(
    workers: int, sent: signal.Signals, code: int, said: str, tmp_path: Path
) -> None:
    params = tiny_params(
        data={"n_samples": 3_000_000, "B": 99_999}, runtime={"num_workers": workers}
    )
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params.model_dump()))
    process = subprocess.Popen(
        [sys.executable, "-m", "src.data_gen", "--config", "params.yaml", "--out_dir", "new/data"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell's background job ignores Ctrl-C, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not any(path.stat().st_size for path in tmp_path.glob("new/data/.*/*.jsonl")):
        assert process.poll() is None
        time.sleep(0.01)
    # To all processes, as a terminal's Ctrl-C, and its SIGHUP when it is closed.
    os.killpg(process.pid, sent)
    assert process.communicate(timeout=60) == ("", f"error: {said}\n")
    assert process.returncode == code
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]


def test_helpers_of_a_killed_command_end_too(tmp_path: Path) -> None:
    params = tiny_params(data={"n_samples": 30_000_000, "B": 999_999}, runtime={"num_workers": 2})
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params.model_dump()))
    process = subprocess.Popen(
        [sys.executable, "-m", "src.data_gen", "--config", "params.yaml", "--out_dir", "data"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    children: list[psutil.Process] = []
    while len(children) < 2:
        assert process.poll() is None
        children = psutil.Process(process.pid).children()
        time.sleep(0.01)
    process.kill()
    process.wait()
    # Nor do they hold the folder meanwhile.
    write(data_config(), tmp_path / "data")
    assert psutil.wait_procs(children, timeout=30)[1] == []


def test_a_second_command_into_one_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with claimed(folder):
        with pytest.raises(UserError, match=rf"data: process {os.getpid()} writes there"):
            main(["--out_dir", str(folder), "--n_samples", "100"])
        assert list(folder.iterdir()) == []
    main(["--out_dir", str(folder), "--n_samples", "100"])
    assert read_splits(folder)


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    for run in ("1", "2"):
        flags = f"--n_samples 400 --N 3 --B 30 --ops +-*/ --out_dir {tmp_path / run}"
        subprocess.run(
            [sys.executable, "-m", "src.data_gen", *flags.split()],
            # Not in the repository: the command would write its metrics.
            cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": run, "PYTHONPATH": str(ROOT)},
            check=True,
            stdout=subprocess.DEVNULL,
        )
    for split in SPLITS:
        one, other = (tmp_path / run / f"{split}.jsonl" for run in ("1", "2"))
        assert one.read_bytes() == other.read_bytes()
        assert one.stat().st_size > 0


@pytest.mark.parametrize(
    ("changes", "digest"),
    [
        ({}, "88e70d98b66d2bf0"),
        ({"N": 3, "ops": "+-*/", "n_samples": 500, "length_balance": 0.5}, "362cff8bfbb5d458"),
        ({"N": 3, "ops": "+-*/", "n_samples": 500, "precedence": "standard"}, "47f580981336e5e6"),
        ({"N": 3, "B": 999_999, "ops": "*/", "n_samples": 500}, "60737f57f71339f3"),
        ({"N": 4, "B": 30_000, "ops": "+*/", "n_samples": 500}, "3e3203c91326d57d"),
    ],
)
def test_data_is_the_same_on_every_machine(changes: dict[str, Any], digest: str) -> None:
    # Drawn on another machine. If this fails on yours, its results compare with nobody's.
    splits = generate(tiny_params(data={"length_balance": 0.6} | changes).data)
    text = "\n".join(record.text for split in SPLITS for record in splits[split])
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest


@pytest.mark.parametrize("changes", [{}, {"ops": "*/", "B": 99}])
def test_any_number_of_workers_writes_the_same_bytes(
    changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More parts than may wait at once.
    monkeypatch.setattr("src.splits.stratified.CHUNK", 37)
    written = []
    for workers in (0, 1, 3):
        folder = tmp_path / str(workers)
        said = write(data_config(**changes), folder, workers=workers)
        written.append((said, [(folder / f"{split}.jsonl").read_bytes() for split in SPLITS]))
    assert written[0] == written[1] == written[2]
