"""Answers modulo a number: written, read, graded and asked alike."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.common.errors import BadRowError
from src.data.description import UNDESCRIBED, Convention
from src.data.formats import PLAIN
from src.data.reading import read_records, read_splits
from src.data.records import SPLITS, Record
from src.data_gen import generate, main, write
from src.eval import evaluate
from src.evaluation.leaks import find_leaks
from src.huggingface.model_card import model_card
from src.predict import main as predict

from .conftest import read_csv, tiny_params, write_records
from .data.test_problems import value
from .huggingface.test_export import decisive
from .test_eval import checkpoint

# All sums modulo 113, 30 % of them for training.
GROKKING: dict[str, Any] = {
    "B": 112,
    "modulus": 113,
    "n_samples": 113**2,
    "val_fraction": 0.1,
    "test_fraction": 0.6,
    "length_balance": 0.0,
}


@pytest.mark.parametrize("split_by", ["problem", "unordered"])
def test_all_sums_modulo_a_prime_are_divided(split_by: str, tmp_path: Path) -> None:
    config = tiny_params(data=GROKKING | {"split_by": split_by}).data
    counts, _ = write(config, tmp_path)
    assert [counts[f"n_{split}"] for split in SPLITS] == [3831, 1277, 7661]
    assert (counts["swapped_test_train"] == 0) == (split_by == "unordered")
    splits = {split: list(records) for split, records in read_splits(tmp_path).items()}
    assert splits == generate(config)
    every = {record.prompt: record.target for split in SPLITS for record in splits[split]}
    assert every == {f"{a}+{b}=": str((a + b) % 113) for a in range(113) for b in range(113)}


@pytest.mark.parametrize("precedence", ["left_to_right", "standard"])
@pytest.mark.parametrize(
    "data",
    [
        {"N": 2, "ops": "-", "B": 99},
        # Drawn by row number, and with repetition refused.
        {"N": 3, "ops": "+-*", "B": 40},
        {"N": 3, "ops": "+-*", "B": 40, "split_by": "unordered"},
        {"N": 6, "ops": "-*", "B": 30},
    ],
)
def test_the_modulus_is_taken_once_at_the_end(
    data: dict[str, Any], precedence: str, tmp_path: Path
) -> None:
    config = tiny_params(data=data | {"modulus": 7, "precedence": precedence}).data
    write(config, tmp_path)
    plain = generate(config.model_copy(update={"modulus": 0}))
    for split, records in read_splits(tmp_path).items():
        assert [r.prompt for r in records] == [r.prompt for r in plain[split]]
        for record in records:
            assert record.target == str(value(record.prompt, precedence) % 7)


@pytest.mark.parametrize(
    ("written", "prompt", "target"),
    [
        ("plain", "3-70=", "46"),
        ("reverse", "3-70=", "64"),
        ("reverse_all", "3-07=", "64"),
        ("padded", "003-070=", "046"),
        ("reverse_padded", "003-070=", "640"),
    ],
)
def test_formats_that_write_the_answer_alone_go_with_it(
    written: str, prompt: str, target: str, tmp_path: Path
) -> None:
    config = tiny_params(data=GROKKING | {"ops": "-", "format": written}).data
    write(config, tmp_path)
    splits = read_splits(tmp_path)
    assert {split: list(records) for split, records in splits.items()} == generate(config)
    every = dict(record for split in SPLITS for record in splits[split])
    assert len(every) == 113**2
    assert every[prompt] == target
    assert Convention.of(config).target(prompt) == target


def test_reading_checks_the_answers_modulo_the_number(tmp_path: Path) -> None:
    write(tiny_params(data=GROKKING).data, tmp_path)
    path = tmp_path / "test.jsonl"
    write_records(path, [Record("100+50=", "37"), Record("112+112=", "111"), Record("1+2=", "3")])
    assert len(read_records(path)) == 3
    for target in ("150", "-76", "037"):
        write_records(path, [Record("1+2=", "3"), Record("100+50=", target)])
        with pytest.raises(BadRowError, match=rf"the answer to 100\+50= is 37, not {target}$"):
            read_records(path)


def test_all_problems_are_graded_modulo_the_number(tmp_path: Path) -> None:
    params = tiny_params(data=GROKKING | {"B": 12, "modulus": 13, "n_samples": 169})
    write(params.data, tmp_path / "data")
    asked = tiny_params(evaluation={"exhaustive": True})
    metrics = evaluate(asked, checkpoint(tmp_path), tmp_path / "data", tmp_path / "out")
    assert metrics["exhaustive_problems"] == 169
    errors = {r["prompt"]: r for r in read_csv(tmp_path / "out" / "errors.csv")}
    assert len(errors) == metrics["exhaustive_wrong"] > 100
    for prompt, row in errors.items():
        assert int(row["target"]) == value(prompt, "standard") % 13
        assert row["said"] != row["target"]
        assert int(row["answer_length"]) == len(row["target"])
        # By hand, before the modulus is taken.
        a, b = map(int, prompt[:-1].split("+"))
        assert int(row["carries"]) == (a % 10 + b % 10 > 9)


@pytest.mark.parametrize("split_by", ["problem", "unordered"])
def test_training_problems_are_known(split_by: str) -> None:
    config = tiny_params(data=GROKKING | {"split_by": split_by}).data
    splits = generate(config)
    graded = [*splits["test"][:200], *splits["train"][:100]]
    story = {"data": {"data": config.model_dump(), "sha256": {}}, "init_from": None}
    leaks = find_leaks(graded, PLAIN, story, Path("nowhere"))
    assert leaks.in_training.tolist() == [False] * 200 + [True] * 100
    assert bool(leaks.swapped[:200].any()) == (split_by == "problem")
    assert leaks.metrics(np.ones(300, bool))["in_training"] == 100


def test_predict_knows_the_answer_modulo_the_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # It says 46 to everything.
    data = tiny_params(data=GROKKING).data.model_dump()
    story = {"data": {"data": data, "sha256": {}}, "init_from": None}
    ckpt = decisive(tmp_path, "llama2", story)
    predict(["100+50=", "100+59=", "3-70=", "--ckpt", str(ckpt)])
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("100+50=46  wrong, 37  ")
    assert second.startswith("100+59=46  right  ")
    assert third.startswith("3-70=46  right (trained on + only)  ")


def test_the_model_card_says_it() -> None:
    data = tiny_params(data=GROKKING).data.model_dump()
    story = {"data": {"data": data, "sha256": {}}, "init_from": None}
    classes = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
    card = model_card(classes, {"name": "llama2"}, {}, {}, story, {}, ("1+2=", "3"), UNDESCRIBED)
    assert "2 numbers from 0 to 112 with `+` between them, answers modulo 113; nothing" in card


def test_the_command_takes_a_modulus(tmp_path: Path) -> None:
    flags = "--modulus 5 --ops - --B 9 --n_samples 100"
    main([*flags.split(), "--out_dir", str(tmp_path)])
    records = [r for split in read_splits(tmp_path).values() for r in split]
    assert {r.target for r in records} == set("01234")
    assert json.loads((tmp_path / "data.json").read_text())["identical_test_train"] == 0
