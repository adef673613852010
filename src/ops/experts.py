"""A mixture of experts in which each expert runs once, on its own tokens only."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .grouped_linear import grouped_linear
from .int8 import Int8Linear, rounded_rows, rounded_weight


class _Permute(torch.autograd.Function):
    """Rows in another order; backward in the inverse order, where indexing would add row by row."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, order: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(inverse)
        return x[order]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (inverse,) = ctx.saved_tensors
        return grad[inverse], None, None


def mix(x: Tensor, experts: nn.ModuleList, weights: Tensor, chosen: Tensor) -> Tensor:
    """``y[t] = sum_k weights[t, k] * experts[chosen[t, k]](x[t])`` for each token t.

    Args:
        x: (B, T, C).
        experts: E SwiGLU MLPs, see `layers.SwiGLUMLP`.
        weights, chosen: (B, T, K).

    Returns:
        (B, T, C).
    """
    if torch.compiler.is_exporting():
        return _mix_all(x, experts, weights, chosen)
    # One row for each (token, expert) assignment, sorted by expert.
    order = chosen.flatten().argsort(stable=True)  # (N * K,)
    back = order.argsort()
    numbers = torch.arange(len(experts), device=x.device)
    counts = (chosen.flatten() == numbers[:, None]).sum(1)  # (E,)
    rows = x.unsqueeze(-2).expand(-1, -1, chosen.size(-1), -1).reshape(-1, x.size(-1))
    served = _serve(_Permute.apply(rows, order, back), experts, counts)
    y = _Permute.apply(served, back, order).view(*chosen.shape, x.size(-1))  # (B, T, K, C)
    return (weights.unsqueeze(-1) * y).sum(-2)


def _serve(rows: Tensor, experts: nn.ModuleList, counts: Tensor) -> Tensor:
    """Each expert's SwiGLU on its own rows: rows (M, C) sorted by expert, counts (E,)."""

    def linear(x: Tensor, name: str) -> Tensor:
        layers = [getattr(expert, name) for expert in experts]
        weights = [layer.weight.to(x.dtype) for layer in layers]
        if not isinstance(layers[0], Int8Linear):
            return grouped_linear(x, weights, counts)
        (x8, size), rounded = rounded_rows(x), [rounded_weight(weight) for weight in weights]
        y = grouped_linear(x8, [weight for weight, _ in rounded], counts)
        sizes = torch.cat([size.t() for _, size in rounded])  # (E, F)
        return y * size * sizes.repeat_interleave(counts, 0, output_size=len(x))

    return linear(F.silu(linear(rows, "gate")) * linear(rows, "up"), "down")


def _mix_all(x: Tensor, experts: nn.ModuleList, weights: Tensor, chosen: Tensor) -> Tensor:
    """The same by each expert on each token, (B, T, C) -> (B, T, C).

    For `torch.export` and ONNX, where every shape is known beforehand and no operation is ours.
    """
    shares = weights.new_zeros(*x.shape[:-1], len(experts))  # (B, T, E)
    shares = shares.scatter(-1, chosen, weights)
    outputs = torch.stack([expert(x) for expert in experts], dim=-1)  # (B, T, C, E)
    return (outputs @ shares.unsqueeze(-1)).squeeze(-1)
