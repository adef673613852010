"""A matrix product for each group of rows, as one operation that a compiled graph can hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from . import cpu
from .operator import operator

# With oneDNN, which generates code for each shape, numbers of rows are rounded up to this. On a CPU
# it multiplies whatever is no float32.
_ROWS = 64


# A CUDA graph would replay the numbers of rows of its first call.
_TAGS = (torch.Tag.cudagraph_unsafe,)


def _as_long(x: Tensor, weights: Sequence[Tensor], counts: Tensor) -> Tensor:
    return x.new_empty(x.size(0), weights[0].size(0), dtype=_product_of(x))


def _as_large(
    grad: Tensor, x: Tensor, weights: Sequence[Tensor], counts: Tensor
) -> tuple[Tensor, Tensor]:
    return torch.empty_like(x), grad.new_empty(len(weights), *weights[0].shape)


# An operator: the number of rows of a group is known only at run time, and torch.compile would
# otherwise recompile for each batch.
@operator("grouped_linear", fake=_as_long, tags=_TAGS)
def grouped_linear(x: Tensor, weights: Sequence[Tensor], counts: Tensor) -> Tensor:
    """Rows times the weights of their group: ``x[i] @ weights[group of i].T``.

    Args:
        x: (M, C), sorted by group.
        weights: one a group, (F, C) each, of the same type.
        counts: rows of each group, sum M.

    Returns:
        (M, F), int32 for int8.
    """
    return _multiply(x, [weight.t() for weight in weights], counts)


@operator("grouped_linear_backward", fake=_as_large, tags=_TAGS)
def _backward(
    grad: Tensor, x: Tensor, weights: Sequence[Tensor], counts: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of x and of all weights, (groups, F, C): C++ that PyTorch writes takes no lists."""
    grad = grad.contiguous()
    grad_weights = grad.new_empty(len(weights), *weights[0].shape)
    for (rows, window, place), out in zip(_groups(counts, x), grad_weights, strict=True):
        g = grad[rows]
        if window != rows:
            # A sum over rows: those that come along must count nothing.
            g = grad.new_zeros(window.stop - window.start, grad.size(1))
            g[place] = grad[rows]
        torch.mm(g.t(), x[window], out=out)
    return _multiply(grad, weights, counts), grad_weights


def _multiply(x: Tensor, matrices: Sequence[Tensor], counts: Tensor) -> Tensor:
    """Rows times the matrix of their group, (M, C) times (C, F) each."""
    y = x.new_empty(len(x), matrices[0].size(1), dtype=_product_of(x))
    multiply: Any = torch._int_mm if x.dtype == torch.int8 else torch.mm
    for (rows, window, place), matrix in zip(_groups(counts, x), matrices, strict=True):
        if window.start == rows.start:
            # What is wrong behind the group is replaced by the next ones' products.
            multiply(x[window], matrix, out=y[window])
        else:
            y[rows] = multiply(x[window], matrix)[place]
    return y


def _groups(counts: Tensor, x: Tensor) -> Iterator[tuple[slice, slice, slice]]:
    """Each group's rows of x, those to multiply, which hold them, and their place among these."""
    start, M = 0, len(x)
    other = x.device.type == "cpu" and x.dtype != torch.float32
    generates = other or cpu.multiplies_by_onednn()
    for n in counts.tolist():
        take = n
        if generates:
            # Each number of rows is a shape to generate code for.
            take = min(-(-n // _ROWS) * _ROWS, M)
        first = min(start, M - take)
        yield (
            slice(start, start + n),
            slice(first, first + take),
            slice(start - first, start - first + n),
        )
        start += n


def _product_of(x: Tensor) -> torch.dtype:
    return torch.int32 if x.dtype == torch.int8 else x.dtype


def _setup(ctx: Any, inputs: tuple[Tensor, Sequence[Tensor], Tensor], output: Tensor) -> None:
    x, weights, counts = inputs
    ctx.save_for_backward(x, counts, *weights)


def _differentiate(ctx: Any, grad: Tensor) -> tuple[Tensor, list[Tensor], None]:
    x, counts, *weights = ctx.saved_tensors
    grad_x, grad_weights = _backward(grad, x, weights, counts)
    return grad_x, list(grad_weights.unbind()), None


torch.library.register_autograd(grouped_linear, _differentiate, setup_context=_setup)
