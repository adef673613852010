"""Training problems shown as a+b and b+a: counted once, and in neither order elsewhere."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from src.common.errors import UserError
from src.config import DataConfig
from src.data.problems import PRECEDENCES, Problems
from src.data.reading import read_splits
from src.data_gen import main, write
from src.splits.rejection import in_both_orders
from src.splits.source import chunks, source_of
from src.splits.space import ProblemSpace

from ..conftest import tiny_params
from ..data.test_problems import value
from ..test_data_gen import data_config

Row = tuple[int, int, int]


def rows_of(config: DataConfig) -> dict[str, list[Row]]:
    """Operator and operands of each row; all answers are right."""
    found: dict[str, list[Row]] = {"train": [], "val": [], "test": []}
    for split, part in chunks(config, source_of(config)):
        for (a, b), (op,), answer in zip(part.operands, part.operators, part.answers, strict=True):
            total = value(f"{a}{'+-*/'[op]}{b}=", config.precedence)
            assert answer == (total % config.modulus if config.modulus else total)
            found[split].append((int(op), int(a), int(b)))
    return found


def unordered(rows: list[Row]) -> set[Row]:
    return {(op, min(a, b), max(a, b)) for op, a, b in rows}


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    """Small sections with `both_orders`, of which there may be too few problems."""
    A = draw(st.integers(0, 12))
    B = A + draw(st.integers(2, 12))
    ops = draw(st.sampled_from(["+", "*", "+*", "*+"]))
    size = len(ops) * (B - A + 1) ** 2
    mixed = draw(st.booleans())
    return {
        "A": A,
        "B": B,
        "ops": ops,
        "precedence": draw(st.sampled_from(PRECEDENCES)),
        "modulus": draw(st.sampled_from([0, 2, 7])),
        "n_samples": draw(st.integers(4, size)),
        "val_fraction": draw(st.sampled_from([0.2, 0.3])),
        "test_fraction": draw(st.sampled_from([0.2, 0.6])),
        "length_balance": 0.0 if mixed else draw(st.floats(0, 1)),
        "length_mix": [0.3] if mixed and A < 10 else [],
        "length_exponent": draw(st.floats(0, 1)),
        "carry_mix": 0.3 if "+" in ops else 0.0,
        "split_by": "unordered",
        "both_orders": True,
        "seed": draw(st.integers(0, 2**32 - 1)),
    }


@settings(deadline=None, max_examples=80)
@given(configs())
def test_train_has_both_orders_and_no_other_split_has_either(changes: dict[str, Any]) -> None:
    try:
        config = data_config(**changes)
    except ValidationError:
        assume(False)
    try:
        rows = rows_of(config)
    except UserError:
        # Only where more than half of all are asked for.
        assert 2 * config.n_samples > len(config.ops) * (config.B - config.A + 1) ** 2
        return
    train = rows["train"]
    assert len(set(train)) == len(train)
    assert len(unordered(train)) == config.split_sizes["train"]
    assert {(op, b, a) for op, a, b in train} == set(train)
    for split in ("val", "test"):
        assert len(set(rows[split])) == len(rows[split]) == config.split_sizes[split]
        assert not unordered(rows[split]) & unordered(train)
    # The two that are graded are the same problems without it.
    once = rows_of(config.model_copy(update={"both_orders": False}))
    assert (once["val"], once["test"]) == (rows["val"], rows["test"])


def test_the_two_forms_of_a_problem_follow_each_other() -> None:
    space = ProblemSpace(2, 0, 9, "+*", "standard", 7)
    operands, operators = np.array([[2, 9], [5, 5], [8, 3]]), np.array([[0], [2], [2]])
    both = in_both_orders(Problems.of(operands, operators, "standard").reduced(7), space)
    assert both.operands.tolist() == [[2, 9], [9, 2], [5, 5], [8, 3], [3, 8]]
    assert both.operators.ravel().tolist() == [0, 0, 2, 2, 2]
    assert both.answers.tolist() == [4, 4, 4, 3, 3]


def test_a_smaller_training_set_is_the_beginning_of_a_larger_one() -> None:
    # The same 100 and 100 problems are graded.
    sizes = {n: {"val_fraction": 100 / n, "test_fraction": 100 / n} for n in (700, 1200)}
    shown = {"split_by": "unordered", "both_orders": True}
    small, large = (
        rows_of(data_config(n_samples=n, **fractions, **shown)) for n, fractions in sizes.items()
    )
    assert small["test"] == large["test"]
    assert large["train"][: len(small["train"])] == small["train"]


def test_numbers_of_thirty_digits_are_shown_both_ways() -> None:
    config = tiny_params(
        data={"B": 10**30 - 1, "ops": "+*", "split_by": "unordered", "both_orders": True}
    ).data
    operands = [
        part.operands for split, part in chunks(config, source_of(config)) if split == "train"
    ]
    pairs = Counter(frozenset(row) for row in np.concatenate(operands).tolist())
    assert set(pairs.values()) <= {1, 2, 4}
    assert sum(pairs.values()) == pytest.approx(2 * 800, abs=2)


def test_what_is_written_counts_problems(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "--n_samples 900 --B 99 --val_fraction 0.1 --test_fraction 0.2 --length_balance 0"
    main(
        [
            *words.split(),
            "--split_by",
            "unordered",
            "--both_orders",
            "true",
            "--out_dir",
            str(tmp_path),
        ]
    )
    counts = json.loads((tmp_path / "data.json").read_text())
    assert {key: n for key, n in counts.items() if n} == {
        "n_train": 630,
        "n_val": 90,
        "n_test": 180,
    }
    assert "630 train, 90 val, 180 test problems" in capsys.readouterr().out
    # Read with all checks of reading; those of two equal numbers have one form.
    prompts = [record.prompt for record in read_splits(tmp_path)["train"]]
    alone = [p for p in prompts if len(set(p[:-1].split("+"))) == 1]
    assert len(prompts) == 2 * 630 - len(alone)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"split_by": "problem"}, "needs split_by = unordered, not problem"),
        ({"N": 3}, r"needs N = 2 and ops of \+ and \*, not N = 3 and \+"),
        ({"ops": "+-"}, r"needs N = 2 and ops of \+ and \*, not N = 2 and \+-"),
        ({"ops": "/"}, r"needs N = 2 and ops of \+ and \*, not N = 2 and /"),
    ],
)
def test_what_has_no_two_orders_is_refused(changes: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        data_config(**{"split_by": "unordered", "both_orders": True} | changes)


def test_all_problems_that_exist_are_too_many(tmp_path: Path) -> None:
    config = data_config(B=9, n_samples=100, split_by="unordered", both_orders=True)
    with pytest.raises(UserError, match=r"^data\.n_samples = 100: all that exist in either order"):
        write(config, tmp_path)
    config = config.model_copy(update={"n_samples": 99})
    with pytest.raises(UserError, match=r"n_samples = 99: only [5-7][0-9] different problems"):
        write(config, tmp_path)
    assert not list(tmp_path.iterdir())
