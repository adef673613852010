"""The map over two operands counts each problem once, in its cell."""

from collections import Counter
from itertools import product

import pytest

from src.data.formats import PLAIN
from src.report.operand_map import bin_names, bin_starts, operand_map
from src.splits.space import ProblemSpace


@pytest.mark.parametrize(
    ("low", "high", "ops"),
    [(0, 120, "+"), (8, 35, "-"), (0, 40, "/"), (3, 12, "*/"), (10**30 - 9, 10**30 + 9, "+*")],
)
def test_the_map_counts_each_problem_in_its_cell(low: int, high: int, ops: str) -> None:
    space = ProblemSpace(2, low, high, ops, "left_to_right")
    starts = bin_starts(low, high)
    names = bin_names(starts, high)

    def cell(number: int) -> str:
        return [n for n, start in zip(names, starts, strict=True) if start <= number][-1]

    numbers = range(low, high + 1)
    asked = [
        (a, op, b) for op, a, b in product(ops, numbers, numbers) if op != "/" or (b and a % b == 0)
    ]
    wrong = asked[:: max(1, len(asked) // 7)]
    frame = operand_map(space, [f"{a}{op}{b}=" for a, op, b in wrong], PLAIN)
    cells = list(zip(frame["first"], frame["second"], strict=True))
    assert dict(zip(cells, frame["problems"], strict=True)) == Counter(
        (cell(a), cell(b)) for a, _, b in asked
    )
    counted = dict(zip(cells, frame["wrong"], strict=True))
    assert {k: n for k, n in counted.items() if n} == Counter(
        (cell(a), cell(b)) for a, _, b in wrong
    )
    assert (frame["share"] * frame["problems"]).sum() == pytest.approx(len(wrong))


def test_a_map_without_errors_is_all_none() -> None:
    frame = operand_map(ProblemSpace(2, 0, 99, "+", "left_to_right"), [], PLAIN)
    assert frame["problems"].sum() == 10_000
    assert frame["wrong"].sum() == 0
