"""Problems that a model was trained on are found, whatever its training data came from."""

import hashlib
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.data.description import Convention
from src.data.formats import PLAIN
from src.data.records import Record
from src.data_gen import generate
from src.evaluation.leaks import find_leaks

from ..conftest import tiny_params, write_records

NOWHERE = Path("nowhere")


def story(data: object, init_from: object = None) -> dict[str, Any]:
    """Of a checkpoint that was trained on data of this section."""
    return {"data": {"data": data, "sha256": {}}, "init_from": init_from}


def expected(graded: list[Record], train: list[Record]) -> tuple[list[bool], list[bool]]:
    """Which problems are in training, and which others with their operands swapped."""
    prompts = {record.prompt for record in train}
    masks: tuple[list[bool], list[bool]] = ([], [])
    for record in graded:
        body = record.prompt[:-1]
        operators = [symbol for symbol in body if not symbol.isdigit()]
        operands = body.translate(str.maketrans("+-*/", "    ")).split()
        swapped = {
            "".join(a + b for a, b in zip(order, [*operators, "="], strict=True))
            for order in permutations(operands)
        }
        masks[0].append(record.prompt in prompts)
        masks[1].append(record.prompt not in prompts and bool(swapped & prompts))
    return masks


@pytest.mark.parametrize(
    "data",
    [
        {"N": 2, "ops": "+-", "n_samples": 3000},
        {"N": 3, "B": 9, "ops": "+", "n_samples": 800},
        {"N": 2, "B": 30, "ops": "+/", "n_samples": 700},
        {"N": 2, "B": 30, "ops": "+", "n_samples": 700, "split_by": "unordered"},
        {"B": 50, "ops": "+*", "n_samples": 900, "split_by": "unordered", "both_orders": True},
        {"B": 50, "n_samples": 900, "length_balance": 0.0, "length_mix": [0.1]},
        {"N": 3, "A": 3, "B": 12, "ops": "*-", "n_samples": 900, "precedence": "standard"},
    ],
)
def test_generated_training_data_is_known_by_its_section(data: dict[str, Any]) -> None:
    config = tiny_params(data=data).data
    splits = generate(config)
    graded = [*splits["test"], *splits["train"][:50], *splits["val"]]
    # Of other spaces: numbers, lengths and operators that the training data has not.
    foreign = ["1+2+3+4+5=", "5*1=", "4-100=", f"{10**30}+1=", "9/3="]
    graded += [Record(prompt, Convention(PLAIN, "standard").target(prompt)) for prompt in foreign]
    leaks = find_leaks(graded, PLAIN, story(config.model_dump()), NOWHERE)
    assert (leaks.in_training.tolist(), leaks.swapped.tolist()) == expected(graded, splits["train"])
    assert not leaks.unknown
    assert leaks.in_training[len(splits["test"]) :][:50].all()
    exact = np.arange(len(graded)) % 3 == 0
    unseen = ~(leaks.in_training | leaks.swapped)
    assert leaks.metrics(exact) == {
        "in_training": leaks.in_training.sum(),
        "swapped_in_training": leaks.swapped.sum(),
        "exact_match_unseen": pytest.approx(exact[unseen].mean()),
    }


def test_leading_zeros_make_no_other_problem() -> None:
    config = tiny_params(data={"B": 9, "n_samples": 100}).data
    train = generate(config)["train"]
    padded = [Record("00" + record.prompt.replace("+", "+0"), record.target) for record in train]
    assert find_leaks(padded, PLAIN, story(config.model_dump()), NOWHERE).in_training.all()


def test_imported_training_data_is_known_where_the_folder_holds_it(tmp_path: Path) -> None:
    write_records(tmp_path / "train.jsonl", [Record("1+2=", "3"), Record("5-3=", "2")])
    digest = hashlib.sha256((tmp_path / "train.jsonl").read_bytes()).hexdigest()
    imported = {"data": {"data": None, "sha256": {"train": digest}}, "init_from": None}
    graded = [Record("1+2=", "3"), Record("2+1=", "3"), Record("3-5=", "-2"), Record("1+1=", "2")]
    leaks = find_leaks(graded, PLAIN, imported, tmp_path)
    assert leaks.in_training.tolist() == [True, False, False, False]
    assert leaks.swapped.tolist() == [False, True, True, False]
    write_records(tmp_path / "train.jsonl", [Record("1+2=", "3")])
    for folder in (tmp_path, NOWHERE):
        leaks = find_leaks(graded, PLAIN, imported, folder)
        assert leaks.unknown == 1
        assert leaks.metrics(np.ones(4, bool)) == {}
        assert leaks.sentence(np.ones(4, bool)) == "the checkpoint's training data is not known"


def test_every_training_of_a_chain_counts() -> None:
    first = tiny_params(data={"B": 9, "n_samples": 100, "seed": 1}).data
    second = tiny_params(data={"B": 9, "n_samples": 100, "ops": "-"}).data
    trained = [generate(config)["train"] for config in (first, second)]
    told = story(second.model_dump(), {"file": "a.ckpt", "story": story(first.model_dump())})
    graded = [*trained[0], *trained[1]]
    leaks = find_leaks(graded, PLAIN, told, NOWHERE)
    assert leaks.in_training.all()
    assert leaks.sentence(np.ones(len(graded), bool)).endswith("; none was unseen")
    assert leaks.metrics(np.ones(len(graded), bool)).keys() == {
        "in_training",
        "swapped_in_training",
    }

    # Of a link that does not tell, at least the others are known.
    told["init_from"] = {"file": "a.ckpt", "story": {"data": None, "init_from": None}}
    leaks = find_leaks(graded, PLAIN, told, NOWHERE)
    assert leaks.unknown == 1
    assert leaks.in_training.sum() == len(trained[1])
    assert leaks.metrics(np.ones(len(graded), bool)) == {}
    assert leaks.sentence(np.ones(len(graded), bool)).startswith("at least 80 of 160 problems")


@pytest.mark.parametrize(
    "told",
    [
        {"data": None, "init_from": None},
        {},
        # More than exist.
        story({**tiny_params().data.model_dump(), "B": 9, "n_samples": 500}),
    ],
)
def test_a_story_that_tells_nothing_is_no_traceback(told: dict[str, Any], tmp_path: Path) -> None:
    write_records(tmp_path / "train.jsonl", [Record("1+2=", "3")])
    leaks = find_leaks([Record("1+2=", "3")], PLAIN, told, tmp_path)
    assert leaks.metrics(np.ones(1, bool)) == {}
    assert "not known" in leaks.sentence(np.ones(1, bool))
