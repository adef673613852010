"""Grade a model on problems with one forward pass, and break the result down by kind."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from .dataset import ArithmeticDataset, eval_loader
from .models import TransformerLM
from .records import Record
from .scoring import answer


@dataclass(frozen=True)
class Grades:
    """Graded problems, in the order of the data set.

    Attributes:
        exact: bool (n,), greedy decoding gives the whole answer.
        token_correct: bool (M,), answer tokens that are the argmax given the true ones before.
        token_row: (M,), the problem that each answer token belongs to.
        loss: mean cross-entropy of an answer token in nats.
        expert_load: (layers, E), share of the assignments; (0, 0) for a dense model.
        router_entropy: (layers,), in nats.
    """

    exact: NDArray[np.bool_]
    token_correct: NDArray[np.bool_]
    token_row: NDArray[np.int64]
    loss: float
    expert_load: NDArray[np.float64]
    router_entropy: NDArray[np.float64]


@torch.inference_mode()
def grade(model: TransformerLM, dataset: ArithmeticDataset, batch_size: int) -> Grades:
    """Grade every problem of a data set, on the model's device."""
    device = next(model.parameters()).device
    exact, correct, rows = [], [], []
    loads, entropies, tokens = [], [], []
    loss_sum, n_rows = 0.0, 0
    for batch in eval_loader(dataset, batch_size):
        answers = answer(model, {name: tensor.to(device) for name, tensor in batch.items()})
        exact.append(answers.exact().cpu())
        correct.append(answers.correct()[answers.mask].cpu())
        rows.append(answers.mask.nonzero()[:, 0].cpu() + n_rows)
        n_rows += len(answers.mask)
        loss_sum += float(answers.loss()) * answers.targets.numel()
        mask = answers.token_mask
        tokens.append(int(mask.sum()))
        loads.append([r.load(mask).tolist() for r in model.routings()])
        entropies.append([float(r.entropy(mask)) for r in model.routings()])
    token_correct = torch.cat(correct).numpy()
    mixture = bool(model.routings())
    return Grades(
        exact=torch.cat(exact).numpy(),
        token_correct=token_correct,
        token_row=torch.cat(rows).numpy(),
        loss=loss_sum / len(token_correct),
        expert_load=np.average(loads, axis=0, weights=tokens) if mixture else np.zeros((0, 0)),
        router_entropy=np.average(entropies, axis=0, weights=tokens),
    )


def wilson(successes: int, n: int) -> tuple[float, float]:
    """95 % confidence interval of a share: Wilson 1927.

    Unlike the normal approximation it stays within 0..1 and is not empty for 0 errors.

    >>> [round(bound, 4) for bound in wilson(98, 100)]
    [0.93, 0.9945]
    """
    z = 1.959964  # the normal distribution's 97.5 % quantile
    share = successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # Rounding must not push the ends past what was counted.
    return (middle - half if successes else 0.0), (middle + half if successes < n else 1.0)


def carries(operands: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of columns that carry when the operands of each row are added by hand.

    >>> carries(np.array([[554, 456], [1, 2], [999, 1]])).tolist()
    [3, 0, 3]

    Args:
        operands: (n, N), none negative.
    """
    count, carry = np.zeros(len(operands), np.int64), np.zeros(len(operands), np.int64)
    rest = operands
    while rest.any():
        carry = (rest % 10).sum(1) + carry
        carry //= 10
        count += carry > 0
        rest = rest // 10
    return count


def describe(records: list[Record]) -> pd.DataFrame:
    """A row for each problem with what it may be hard by.

    Columns: prompt, target, answer_length (digits, sign left out), operand_lengths (``3+1``),
    carries (missing where an operator is not ``+``).
    """
    frame = pd.DataFrame(records, columns=["prompt", "target"])
    frame["answer_length"] = frame["target"].str.lstrip("-").str.len()
    digits = (
        frame["prompt"].str.rstrip("=").str.replace(r"\d+", lambda m: str(len(m[0])), regex=True)
    )
    frame["operand_lengths"] = digits
    is_sum = ~frame["prompt"].str.contains(r"[-*/]")
    frame["carries"] = pd.Series(pd.NA, index=frame.index, dtype="Int64")
    sums = frame.loc[is_sum, "prompt"].str.rstrip("=").str.split("+", expand=True)
    frame.loc[is_sum, "carries"] = carries(sums.fillna("0").astype(np.int64).to_numpy())
    return frame


def breakdown(problems: pd.DataFrame, exact: NDArray[np.bool_], by: str) -> pd.DataFrame:
    """Exact match for each value of a column of `describe`, with its Wilson interval.

    Columns: the value, problems, wrong, exact_match, low, high.
    """
    groups = pd.Series(exact).groupby(problems[by])
    return _shares(groups.size(), groups.sum())


def by_digit_position(records: list[Record], grades: Grades) -> pd.DataFrame:
    """Accuracy of each place of the answer, given the true tokens before it.

    Position 1 are the units, 2 the tens; 0 is the ``<eos>`` behind them; a sign is the position
    to the left of its first digit.
    """
    starts = np.searchsorted(grades.token_row, np.arange(len(records) + 1))
    ends = starts[grades.token_row + 1]
    position = pd.Series(ends - 1 - np.arange(len(grades.token_row)), name="position")
    groups = pd.Series(grades.token_correct).groupby(position)
    return _shares(groups.size(), groups.sum()).rename(columns={"exact_match": "accuracy"})


def _shares(sizes: pd.Series, right: pd.Series) -> pd.DataFrame:
    pairs = zip(right.astype(int), sizes, strict=True)
    bounds = [wilson(successes, n) for successes, n in pairs]
    return pd.DataFrame(
        {
            "problems": sizes,
            "wrong": sizes - right.astype(int),
            "exact_match": right / sizes,
            "low": [low for low, _ in bounds],
            "high": [high for _, high in bounds],
        }
    ).reset_index()
