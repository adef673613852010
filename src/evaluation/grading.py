"""Grade a model on problems with one forward pass, and break the result down by kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data.formats import Format
from ..data.problems import Ints
from ..dataset import ArithmeticDataset, eval_loader
from ..layers import Routing
from ..loss import answer
from ..models import TransformerLM
from ..tokenizer import VOCABULARY
from .intervals import wilson


@dataclass(frozen=True)
class Grades:
    """Graded problems, in the order of the data set.

    Attributes:
        exact: bool (n,), greedy decoding gives the whole target: the steps, if the format has some,
            and the answer.
        token_correct: bool (M,), answer tokens that are the argmax given the true ones before.
        token_row: (M,), the problem that each answer token belongs to.
        loss: mean cross-entropy of an answer token in nats; None where it is not known.
        served: (layers, T, V, E), how often each expert served each token at each position; no
            layers for a dense model.
        router_entropy: (layers,), in nats.
        experts: (layers, M, K), those that are at work where each answer token is predicted, in
            rising order; no layers for a dense model.
    """

    exact: NDArray[np.bool_]
    token_correct: NDArray[np.bool_]
    token_row: NDArray[np.int64]
    loss: float | None
    served: NDArray[np.int64]
    router_entropy: NDArray[np.float64]
    experts: NDArray[np.int64]

    @classmethod
    def of_answers(cls, exact: NDArray[np.bool_]) -> Grades:
        """Grades of a model of which nothing but its answers is known."""
        none = np.zeros(0, np.int64)
        served = np.zeros((0, 0, 0, 0), np.int64)
        experts = np.zeros((0, 0, 0), np.int64)
        return cls(exact, none.astype(bool), none, None, served, np.zeros(0), experts)


@torch.inference_mode()
def grade(model: TransformerLM, dataset: ArithmeticDataset, batch_size: int) -> Grades:
    """Grade every problem of a data set by teacher forcing, on the model's device."""
    device = next(model.parameters()).device
    exact, correct, rows = [], [], []
    served, entropies, tokens, experts = [], [], [], []
    loss_sum, n_rows = 0.0, 0
    for batch in eval_loader(dataset, batch_size):
        answers = answer(model, {name: tensor.to(device) for name, tensor in batch.items()})
        exact.append(answers.exact().cpu())
        correct.append(answers.correct()[answers.valid].cpu())
        rows.append(answers.valid.nonzero()[:, 0].cpu() + n_rows)
        n_rows += len(answers.valid)
        loss_sum += float(answers.loss()) * int(answers.valid.sum())
        routed = answers.routed(model)
        tokens.append([int(counts.sum()) for _, _, counts in routed])
        entropies.append([float(routing.entropy(counts)) for routing, _, counts in routed])
        ids = batch["input_ids"]
        served.append([_served(ids, *each, dataset.max_len) for each in routed])
        asks = torch.zeros_like(answers.token_mask)
        asks[answers.valid.nonzero()[:, 0], answers.at[answers.valid]] = True
        experts.append([_experts(asks, *each) for each in routed])
    token_correct = torch.cat(correct).numpy()
    return Grades(
        exact=torch.cat(exact).numpy(),
        token_correct=token_correct,
        token_row=torch.cat(rows).numpy(),
        loss=loss_sum / len(token_correct),
        served=np.sum(served, axis=0) if model.routings() else np.zeros((0, 0, 0, 0), np.int64),
        router_entropy=np.average(entropies, axis=0, weights=tokens) if tokens[0] else np.zeros(0),
        experts=np.concatenate(experts, axis=1)
        if model.routings()
        else np.zeros((0, 0, 0), np.int64),
    )


def _served(
    input_ids: Tensor, routing: Routing, places: Tensor, counts: Tensor, max_len: int
) -> Ints:
    """Number of assignments of each token at each position to each expert: (max_len, V, E)."""
    V, E = len(VOCABULARY), routing.probabilities.size(-1)
    places, counts, chosen = places.cpu(), counts.cpu(), routing.chosen.cpu()
    token = input_ids.gather(1, places)
    cell = (places * V + token)[counts][:, None] * E + chosen[counts]  # (N, K)
    return torch.bincount(cell.flatten(), minlength=max_len * V * E).view(max_len, V, E).numpy()


def _experts(asks: Tensor, routing: Routing, places: Tensor, counts: Tensor) -> Ints:
    """The experts at the positions that predict an answer token, asks (B, T - 1): (M, K)."""
    chosen = routing.chosen[counts & asks.gather(1, places)]
    return chosen.sort(-1).values.cpu().numpy()


def tally(problems: pd.DataFrame, exact: NDArray[np.bool_]) -> pd.DataFrame:
    """How many problems of each kind there are, and how many are right.

    Args:
        problems: columns of `difficulty.describe`, a row for each problem.
        exact: bool (n,).

    Returns:
        kind, value, problems, right; a row for each value of each column.
    """
    parts = []
    for kind in map(str, problems):
        # -1 where it does not apply.
        which, values = pd.factorize(problems[kind], sort=True)
        applies = which >= 0
        rows = {
            "value": values.tolist(),
            "problems": np.bincount(which[applies], minlength=len(values)),
            "right": np.bincount(which[applies & exact], minlength=len(values)),
        }
        parts.append(pd.DataFrame(rows).assign(kind=kind))
    return pd.concat(parts, ignore_index=True)[["kind", "value", "problems", "right"]]


def breakdown(counts: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Exact match for each value of one kind, with its Wilson interval.

    Args:
        counts: what `tally` returns.

    Returns:
        The value, problems, wrong, exact_match, low, high.
    """
    rows = counts[counts["kind"] == kind].rename(columns={"value": kind})
    return shares(rows.drop(columns="kind"))


def shares(counts: pd.DataFrame) -> pd.DataFrame:
    """The columns problems and right turned into problems, wrong, exact_match, low, high."""
    right, problems = counts["right"].astype(int), counts["problems"].astype(int)
    bounds = np.array([wilson(*pair) for pair in zip(right, problems, strict=True)]).reshape(-1, 2)
    named = counts.drop(columns=["right", "problems"])
    figures: dict[str, Any] = {
        "problems": problems,
        "wrong": problems - right,
        "exact_match": right / problems,
        "low": bounds[:, 0],
        "high": bounds[:, 1],
    }
    return named.assign(**figures).reset_index(drop=True)


def places(grades: Grades, targets: Iterable[str], written: Format) -> Ints:
    """The place in its answer of each answer token, (M,); -1 for steps in front of the answer.

    1 are the units, 2 the tens, whichever way the format writes them; 0 is the ``<eos>`` behind the
    answer; a sign is the place to the left of the first digit of a number.

    Args:
        targets: of the graded problems.
    """
    row = grades.token_row
    answers = [written.answer_in(target) for target in targets]
    lengths = np.array([len(answer) for answer in answers], np.int64)[row]
    ends = np.searchsorted(row, row, side="right")
    # How far each token stands before <eos>.
    position = ends - 1 - np.arange(len(row))
    kept = position <= lengths
    if written.from_units:
        signs = np.array([answer.startswith("-") for answer in answers], np.int64)[row]
        digits = lengths - signs
        from_first = digits + 1 - position
        turned = (position > 0) & (position <= digits)
        position = np.where(turned, from_first, position)
    return np.where(kept, position, -1)


def by_digit_position(grades: Grades, targets: Iterable[str], written: Format) -> pd.DataFrame:
    """Accuracy of each place of the answer, given the true tokens before it, true steps too.

    Args:
        targets: of the graded problems; their places are the positions, see `places`.
    """
    position = places(grades, targets, written)
    kept = position >= 0
    counts = tally(pd.DataFrame({"position": position[kept]}), grades.token_correct[kept])
    return breakdown(counts, "position").rename(columns={"exact_match": "accuracy"})


def by_expert(grades: Grades) -> pd.DataFrame:
    """Share of each layer's assignments that each expert got; empty for a dense model.

    Columns: layer, expert, load.
    """
    counts = grades.served.sum((1, 2))  # (layers, E)
    layer, expert = np.indices(counts.shape)
    load = counts / counts.sum(1, keepdims=True)
    return pd.DataFrame({"layer": layer.ravel(), "expert": expert.ravel(), "load": load.ravel()})


def routing(grades: Grades) -> pd.DataFrame:
    """Which expert serves which token at which position; empty for a dense model.

    Columns: layer, position (0 is ``<bos>``), token, expert, share (of the assignments of that
    token there), assignments (how many of them).
    """
    layer, position, token, expert = np.nonzero(grades.served)
    at = grades.served.sum(-1)[layer, position, token]
    served = grades.served[layer, position, token, expert]
    return pd.DataFrame(
        {
            "layer": layer,
            "position": position,
            "token": np.array(VOCABULARY)[token],
            "expert": expert,
            "share": served / at,
            "assignments": served,
        }
    )
