"""Problems of chosen lengths and chains: as asked, different, and always the same."""

from typing import Any

import numpy as np
import pytest

from src.common.errors import UserError
from src.config import DataConfig, EvaluationConfig
from src.data.problems import OPERATORS, evaluate
from src.evaluation.cells import Cell, cells, chained, draw
from src.evaluation.difficulty import carry_columns, longest_run

from ..conftest import tiny_params


def data_config(**changes: Any) -> DataConfig:
    return tiny_params(data=changes).data


def evaluation(**changes: Any) -> EvaluationConfig:
    return tiny_params(evaluation=changes).evaluation


@pytest.mark.parametrize("lengths", [(1, 1), (3, 3), (2, 5), (5, 2), (40, 7), (60, 60)])
@pytest.mark.parametrize("ops", ["+", "-", "*", "+-*/"])
def test_problems_have_the_lengths_and_are_right(lengths: tuple[int, ...], ops: str) -> None:
    config = data_config(ops=ops, seed=5)
    problems = draw(Cell(lengths), config, 200)
    rows = list(zip(problems.operands.tolist(), problems.operators.tolist(), strict=True))
    for (operands, operators), answer in zip(rows, problems.answers.tolist(), strict=True):
        assert tuple(len(str(operand)) for operand in operands) == lengths
        symbols = "".join(OPERATORS[code] for code in operators)
        assert set(symbols) <= set(ops)
        assert evaluate(operands, symbols, "left_to_right") == answer
    assert len({(*operands, *operators) for operands, operators in rows}) == len(rows)
    assert len(rows) == (100 if lengths == (1, 1) and len(ops) == 1 else 200)
    again = draw(Cell(lengths), config, 200)
    assert again.operands.tolist() == problems.operands.tolist()
    other = draw(Cell(lengths), data_config(ops=ops, seed=6), 200)
    assert other.operands.tolist() != problems.operands.tolist()


def test_operators_are_drawn_evenly_and_longer_divisors_left_out() -> None:
    for lengths, expected in (((4, 4), "+-*/"), ((4, 9), "+-*")):
        operators = draw(Cell(lengths), data_config(ops="+-*/"), 1200).operators
        counts = np.bincount(operators.ravel(), minlength=4)
        assert set(np.flatnonzero(counts)) == {OPERATORS.index(op) for op in expected}
        assert counts[counts > 0] == pytest.approx(1200 / len(expected), abs=70)
    grid = cells(evaluation(lengths=3, lengths_of="pairs"), data_config(ops="/"))
    assert [cell.name for cell in grid] == ["1+1", "2+1", "2+2", "3+1", "3+2", "3+3"]


def test_several_operands_follow_the_precedence_of_the_data() -> None:
    config = data_config(N=4, ops="+*", precedence="standard", n_samples=1000)
    (cell,) = cells(evaluation(lengths=30), config)[-1:]
    assert cell.name == "30+30+30+30"
    problems = draw(cell, config, 20)
    for operands, operators, answer in zip(
        problems.operands.tolist(),
        problems.operators.tolist(),
        problems.answers.tolist(),
        strict=True,
    ):
        symbols = "".join(OPERATORS[code] for code in operators)
        assert answer == eval(
            "".join(f"{x}{op}" for x, op in zip(operands, symbols + " ", strict=True))
        )


def test_answers_are_taken_modulo_that_of_the_data() -> None:
    problems = draw(Cell((30, 30)), data_config(modulus=113), 50)
    totals = [sum(operands) % 113 for operands in problems.operands.tolist()]
    assert problems.answers.tolist() == totals


@pytest.mark.parametrize("length", [1, 2, 3, 12, 60])
def test_chains_are_as_long_as_asked(length: int) -> None:
    for chain in range(length + 1):
        pairs = np.array(chained(length, chain, 60, np.random.default_rng(chain)), object)
        assert {len(str(number)) for number in pairs.ravel()} == {length}
        assert set(longest_run(carry_columns(pairs)).tolist()) == {chain}
    # All of them begin at the units, and half of them are a cascade of nines.
    tens = [(a // 10 % 10 + b // 10 % 10) for a, b in pairs.tolist()] if length > 1 else []
    assert all(total >= 9 for total in tens)
    if length == 12:
        nines = [all(int(x) + int(y) == 9 for x, y in zip(str(a)[:-1], str(b)[:-1], strict=True))
                 for a, b in pairs.tolist()]  # fmt: skip
        assert 15 < sum(nines) < 45


def test_chains_begin_anywhere() -> None:
    pairs = np.array(chained(9, 4, 600, np.random.default_rng(0)), object)
    carries = carry_columns(pairs)
    starts = {tuple(np.flatnonzero(row)[:4].tolist()) for row in carries if row.sum() == 4}
    assert {(k, k + 1, k + 2, k + 3) for k in range(6)} <= starts


def test_cells_of_chains_follow_those_of_lengths() -> None:
    grid = cells(evaluation(lengths=2, length_chains=True), data_config(ops="+-"))
    expected: list[tuple[Any, ...]] = [((1, 1), None), ((2, 2), None)]
    expected += [((1, 1), 0), ((1, 1), 1), ((2, 2), 0), ((2, 2), 1), ((2, 2), 2)]
    assert [(cell.lengths, cell.chain) for cell in grid] == expected
    for cell in grid[2:]:
        assert set(draw(cell, data_config(ops="+-"), 30).operators.ravel()) == {0}


@pytest.mark.parametrize(
    ("evaluated", "data", "message"),
    [
        ({"lengths": 600}, {"N": 7}, "lengths = 600: N = 7 operands must have at most 4,000 dig"),
        ({"lengths": 5}, {"N": 3, "ops": "+/"}, "lengths = 5: with / in data.ops, data.N must be"),
        ({"lengths": 5, "lengths_of": "pairs"}, {"N": 3}, "lengths_of = pairs: data.N must be 2"),
        ({"lengths": 5, "length_chains": True}, {"ops": "-"}, "length_chains = true: chains are b"),
        ({"lengths": 5, "length_chains": True}, {"N": 3}, "length_chains = true: chains are built"),
    ],
)
def test_what_cannot_be_built_is_refused(
    evaluated: dict[str, Any], data: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=f"^evaluation.{message}"):
        cells(evaluation(**evaluated), data_config(**data))
