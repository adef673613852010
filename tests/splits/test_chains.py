"""Long chains of carries and borrows: as many as asked, as long as asked, within the range."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from src.config import DataConfig
from src.data.problems import MINUS, PLUS, Problems
from src.evaluation.difficulty import borrow_columns, carry_columns, longest_run
from src.splits.chains import with_chains
from src.splits.rejection import Rejection
from src.splits.source import DRAWING_ORDER, source_of
from src.splits.space import ProblemSpace

from ..conftest import tiny_params


def longest(problems: Problems) -> np.ndarray:
    """The longest chain of carries, or of borrows, of each problem's first step."""
    pairs = problems.operands[:, :2]
    ordered = np.sort(pairs, axis=1)
    carries = longest_run(carry_columns(pairs))
    borrows = longest_run(borrow_columns(ordered[:, 1], ordered[:, 0]))
    return np.where(problems.operators[:, 0] == PLUS, carries, borrows)


def digits(values: Any) -> np.ndarray:
    return np.array([len(str(value)) for value in values])


@pytest.mark.parametrize("ops", ["+", "-", "+-", "*-"])
@pytest.mark.parametrize("B", [9999, 10**18 - 1, 10**19 - 1, 10**30 - 1])
def test_all_rows_have_a_chain_of_the_first_step(ops: str, B: int) -> None:
    space, rng = ProblemSpace(3, 0, B, ops, "left_to_right"), np.random.default_rng(0)
    problems = space.draw(2000, rng, length_balance=0.5, carry_mix=1.0)
    assert problems.operands.min() >= 0
    assert problems.operands.max() <= B
    assert problems.operands.dtype == (object if space.is_large else np.int64)
    signs = problems.operators[:, 0]
    # A pair of digits has no borrow that leads anywhere, and a rest was drawn too often.
    equal = digits(problems.operands[:, 0]) == digits(problems.operands[:, 1])
    impossible = equal & (digits(problems.operands[:, 0]) == 1)
    assert set(signs[~impossible]) == {{"+": PLUS, "-": MINUS}[op] for op in ops if op in "+-"}
    assert (longest(problems)[~impossible] >= 1).mean() > 0.99
    expected = Problems.of(problems.operands, problems.operators, "left_to_right")
    assert problems.answers.tolist() == expected.answers.tolist()


@pytest.mark.parametrize("sign", [PLUS, MINUS])
def test_chains_of_all_lengths_are_equally_frequent(sign: int) -> None:
    n, ops = 6000, "+-"[sign]
    lengths = [(10**39, 10**40 - 1)]
    some = np.full(n, 10**39, object)
    operators = np.full((n, 1), 2)
    first, second, made = with_chains(
        some, some, operators[:, 0], np.arange(n), ops, lengths, np.random.default_rng(0)
    )
    assert set(made) == {sign}
    found = longest(Problems.of(np.stack([first, second], 1), made[:, None], "standard"))
    # What was built, and some two places more: a random column carries in 5 or 6 of ten cases.
    most = 40 if sign == PLUS else 39
    assert found.max() == most
    for least in (10, 20, 30):
        assert (found > least).mean() == pytest.approx(1 - (least - 2) / most, abs=0.03)
    # Nines pass the carry on: half of the pairs have more of them than half their places, while
    # a pair of random digits has a sum of nine in one of ten.
    pairs = zip(map(str, first), map(str, second), strict=True)
    if sign == PLUS:
        nines = [sum(int(x) + int(y) == 9 for x, y in zip(*pair, strict=True)) for pair in pairs]
        assert np.mean(np.array(nines) > 20) == pytest.approx(0.5, abs=0.1)
    # Both orders of a difference.
    assert 0.4 < np.mean(first > second) < 0.6


def test_lengths_stay_those_of_the_row() -> None:
    rng = np.random.default_rng(0)
    space = ProblemSpace(2, 0, 10**6 - 1, "+", "standard")
    plain = space.draw(4000, np.random.default_rng(1), length_balance=1.0).operands
    lengths = [digits(column) for column in plain.T]
    rows = np.arange(0, 4000, 2)
    first, second, _ = with_chains(
        plain[:, 0], plain[:, 1], np.zeros(4000, np.int64), rows, "+", space.lengths(), rng
    )
    for before, after in zip(lengths, (first, second), strict=True):
        assert digits(after).tolist() == before.tolist()
    assert (first[1::2] == plain[1::2, 0]).all()
    assert (first[rows] != plain[rows, 0]).mean() > 0.8


@pytest.mark.parametrize(("A", "B"), [(120, 140), (95, 105), (0, 9), (0, 0)])
def test_rows_without_room_for_a_chain_stay_within_the_range(A: int, B: int) -> None:
    for ops in ("+", "-"):
        space = ProblemSpace(2, A, B, ops, "standard")
        operands = space.draw(500, np.random.default_rng(0), 1.0, carry_mix=1.0).operands
        assert operands.shape == (500, 2)
        assert operands.min() >= A
        assert operands.max() <= B


def drawn(config: DataConfig) -> dict[str, Problems]:
    source = source_of(config)
    assert isinstance(source, Rejection)
    return {split: Problems.concatenate(list(source.chunks(split))) for split in DRAWING_ORDER}


def data_config(**changes: Any) -> DataConfig:
    return tiny_params(data={"B": 10**12 - 1, "n_samples": 4000, **changes}).data


def test_training_alone_has_the_share_and_no_problem_twice() -> None:
    splits = drawn(data_config(carry_mix=0.4, length_balance=0.0))
    rows = {split: set(map(tuple, p.operands.tolist())) for split, p in splits.items()}
    assert [len(found) for found in rows.values()] == [400, 400, 3200]
    assert len(set.union(*rows.values())) == 4000
    # Of those built, a quarter to two fifths have more than 9 carries; of random ones, few have.
    shares = {split: (longest(problems) > 9).mean() for split, problems in splits.items()}
    assert shares["test"] < 0.02
    assert shares["val"] < 0.02
    assert 0.1 < shares["train"] < 0.17
    # The same again; another seed draws others.
    again = drawn(data_config(carry_mix=0.4, length_balance=0.0))
    assert again["train"].operands.tolist() == splits["train"].operands.tolist()
    other = drawn(data_config(carry_mix=0.4, length_balance=0.0, seed=1))
    assert other["train"].operands.tolist() != splits["train"].operands.tolist()


def test_val_and_test_do_not_depend_on_the_share() -> None:
    few, many = (drawn(data_config(carry_mix=mix)) for mix in (0.1, 0.9))
    for split in ("test", "val"):
        assert few[split].operands.tolist() == many[split].operands.tolist()


def test_a_small_space_is_used_up_all_the_same() -> None:
    config = tiny_params(data={"B": 30, "n_samples": 961, "carry_mix": 1.0}).data
    splits = drawn(config)
    assert sum(map(len, splits.values())) == 961


def test_what_has_neither_carries_nor_borrows_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"needs \+ or - in ops, which is \*/"):
        tiny_params(data={"ops": "*/", "carry_mix": 0.1})
    assert tiny_params(data={"ops": "*-", "carry_mix": 0.1}).data.carry_mix == 0.1
