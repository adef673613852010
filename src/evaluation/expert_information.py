"""What the choice of experts tells of a problem: its operators, the digit's place, the carry."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ..data.formats import Format
from .grading import Grades, by_expert, places


def expert_figures(problems: pd.DataFrame, grades: Grades, written: Format) -> dict[str, float]:
    """How even the loads of a mixture's experts are, and what they specialise in.

    The information is of the answers' tokens, given the true ones before, and of the experts that
    are at work where each is predicted, taken together: two of four are one of six choices. It is
    in bits, and the mean over the layers.

    Args:
        problems: what `breakdowns.describe_problems` returns.
        grades: of the same problems.

    Returns:
        Nothing for a dense model; else

        worst_expert_load: the largest share of a layer's assignments that an expert got, prompts
            included, as a multiple of an even share: from 1 to E / K.
        expert_operator_bits: information on the problem's operators.
        expert_place_bits: information on the place, as `grading.places` counts.
        expert_carry_bits: information on the carry into that place, or the borrow, beyond what
            operators and place tell; absent if no place has any, see `carry_into`.
    """
    if not grades.served.size:
        return {}
    place, row = places(grades, problems["target"], written), grades.token_row
    in_answer = place >= 0
    operators = pd.factorize(problems["operators"])[0][row]
    carries = _carries(problems, place, row, written)
    carried = carries >= 0
    experts = [np.unique(chosen, axis=0, return_inverse=True)[1] for chosen in grades.experts]

    def mean(tokens: NDArray[np.bool_], *labels: NDArray[np.int64]) -> float:
        kept = [label[tokens] for label in labels]
        return float(np.mean([information(chosen[tokens], *kept) for chosen in experts]))

    found = {
        "worst_expert_load": float(by_expert(grades)["load"].max() * grades.served.shape[-1]),
        "expert_operator_bits": mean(in_answer, operators),
        "expert_place_bits": mean(in_answer, place),
    }
    if carried.any():
        found["expert_carry_bits"] = mean(carried, carries, operators, place)
    return found


def information(one: ArrayLike, other: ArrayLike, *given: ArrayLike) -> float:
    """Mutual information of two labels in bits, given others: I(one; other | given).

    >>> round(information([0, 0, 1, 1] * 1000, [5, 5, 7, 7] * 1000), 3)
    1.0

    Args:
        one, other, given: whole numbers, (n,) each.
    """
    apart = entropy(one, *given) + entropy(other, *given)
    return apart - entropy(one, other, *given) - (entropy(*given) if given else 0.0)


def entropy(*labels: ArrayLike) -> float:
    """Joint entropy of labels in bits, from their counts.

    Shares of n draws are too uneven, and give too little: the first term of that bias, (values that
    occur - 1) / (2 n) nats, is added (Miller 1955).
    """
    _, counts = np.unique(np.stack(labels, axis=1), axis=0, return_counts=True)
    shares = counts / counts.sum()
    missing = (len(counts) - 1) / (2 * counts.sum())
    return float(missing / math.log(2) - (shares * np.log2(shares)).sum())


def carry_into(operands: Sequence[int], operators: str, place: int) -> int:
    """What is carried into a place of a sum, or borrowed from one of a difference, by hand.

    Of a difference the smaller number is subtracted from the larger.

    >>> [carry_into([554, 456], "+", place) for place in (1, 2, 3, 4)]
    [-1, 1, 1, 1]
    >>> [carry_into([5, 503], "-", place) for place in (2, 3)]
    [1, 1]

    Args:
        place: 1 for the units, 2 for the tens.

    Returns:
        -1 where nothing can be: into the units, and with other operators.
    """
    low = 10 ** max(place - 1, 0)
    if place >= 2 and set(operators) == {"+"}:
        return sum(operand % low for operand in operands) // low
    if place >= 2 and operators == "-":
        return int(max(operands) % low < min(operands) % low)
    return -1


def _carries(
    problems: pd.DataFrame, place: NDArray[np.int64], row: NDArray[np.int64], written: Format
) -> NDArray[np.int64]:
    """`carry_into` for each answer token; -1 for signs too, and for answers modulo a number."""
    read = [written.read_prompt(prompt) for prompt in problems["prompt"]]
    answers = [written.read_target(target) for target in problems["target"]]
    texts = [written.answer_in(target) for target in problems["target"]]
    carries = []
    for p, i in zip(place.tolist(), row.tolist(), strict=True):
        operands, operators = read[i]
        whole = sum(operands) if operators != "-" else operands[0] - operands[1]
        is_digit = p <= len(texts[i].removeprefix("-"))
        carries.append(
            carry_into(operands, operators, p) if is_digit and whole == answers[i] else -1
        )
    return np.array(carries, np.int64)
