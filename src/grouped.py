"""A matrix product for each group of rows, as one operation that a compiled graph can hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


# An operation of its own: how many rows a group has is known only when it runs, so that a compiler
# that looked inside would compile anew for each batch.
@torch.library.custom_op("mini_language_models::grouped_linear", mutates_args=())
def grouped_linear(x: Tensor, weights: Sequence[Tensor], counts: Tensor) -> Tensor:
    """Rows times the weights of their group: ``x[i] @ weights[group of i].T``.

    Args:
        x: (M, C), sorted by group.
        weights: one a group, (F, C) each.
        counts: rows of each group, sum M.

    Returns:
        (M, F).
    """
    y = x.new_empty(len(x), len(weights[0]))
    for rows, out, weight in zip(*_parts(counts, x, y), weights, strict=True):
        torch.mm(rows, weight.t(), out=out)
    return y


@torch.library.custom_op("mini_language_models::grouped_linear_backward", mutates_args=())
def _backward(
    grad: Tensor, x: Tensor, weights: Sequence[Tensor], counts: Tensor
) -> tuple[Tensor, list[Tensor]]:
    grad_x, grad_weights = torch.empty_like(x), [torch.empty_like(w) for w in weights]
    parts = _parts(counts, grad.contiguous(), x, grad_x)
    for g, rows, out, weight, grad_weight in zip(*parts, weights, grad_weights, strict=True):
        torch.mm(g, weight, out=out)
        torch.mm(g.t(), rows, out=grad_weight)
    return grad_x, grad_weights


def _parts(counts: Tensor, *tables: Tensor) -> list[Sequence[Tensor]]:
    return [table.split(counts.tolist()) for table in tables]


@grouped_linear.register_fake
def _(x: Tensor, weights: Sequence[Tensor], counts: Tensor) -> Tensor:
    return x.new_empty(x.size(0), weights[0].size(0))


@_backward.register_fake
def _(
    grad: Tensor, x: Tensor, weights: Sequence[Tensor], counts: Tensor
) -> tuple[Tensor, list[Tensor]]:
    return torch.empty_like(x), [torch.empty_like(weight) for weight in weights]


def _setup(ctx: Any, inputs: tuple[Tensor, Sequence[Tensor], Tensor], output: Tensor) -> None:
    x, weights, counts = inputs
    ctx.save_for_backward(x, counts, *weights)


def _differentiate(ctx: Any, grad: Tensor) -> tuple[Tensor, list[Tensor], None]:
    x, counts, *weights = ctx.saved_tensors
    return *_backward(grad, x, weights, counts), None


grouped_linear.register_autograd(_differentiate, setup_context=_setup)
