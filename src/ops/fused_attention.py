"""PyTorch's fused attention, with its inner products where they are fast."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from . import cpu
from .operator import operator


def fused_attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, dropout: float = 0.0
) -> Tensor:
    """`F.scaled_dot_product_attention`; causal without a mask.

    The kernel for CPUs multiplies pieces of a row of a head. Where float32 products go through
    oneDNN (`cpu.use_well`), each of those is looked up there, which takes longer than to multiply:
    of 58 rows of 31 tokens, with 8 heads 16 wide, attention and its gradients took 42 ms, and as by
    default 5.

    Args:
        q: (B, H, Q, D).
        k, v: (B, H, S, D).
        mask: bool, (Q, S) or (B, 1, Q, S), True for the keys that a query sees; None: its own and
            all before, Q = S.
        dropout: on the weights.

    Returns:
        (B, H, Q, D).
    """
    # In mixed precision q is float32 where it was rotated, and PyTorch rounds it here.
    mixed = torch.is_autocast_enabled("cpu")
    on_cpu = q.device.type == "cpu" and q.dtype == torch.float32 and not mixed
    # With dropout PyTorch computes in another way, with large products.
    if on_cpu and not dropout and _many_products_cost():
        if mask is not None:
            mask = torch.zeros_like(mask, dtype=q.dtype).masked_fill_(~mask, -torch.inf)
        return _attend(q, k, v, mask)[0]
    return F.scaled_dot_product_attention(
        q, k, v, attn_mask=mask, dropout_p=dropout, is_causal=mask is None
    )


def _many_products_cost() -> bool:
    return cpu.multiplies_by_onednn()


# As torch.compiler.assume_constant_result does, which would import the compiler: a second.
_many_products_cost._dynamo_marked_constant = True  # type: ignore[attr-defined]


def _kernel(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """The output, and the logarithm of each softmax's sum."""
    return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        q, k, v, is_causal=mask is None, attn_mask=mask
    )


def _kernel_backward(
    grad: Tensor, q: Tensor, k: Tensor, v: Tensor, y: Tensor, logsumexp: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of q, k and v."""
    return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(
        grad, q, k, v, y, logsumexp, 0.0, mask is None, attn_mask=mask
    )


# Operators: a compiler that looked into them would not see the setting change.
@operator("attend", fake=_kernel)
def _attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    with cpu.as_by_default():
        return _kernel(q, k, v, mask)


@operator("attend_backward", fake=_kernel_backward)
def _attend_backward(
    grad: Tensor, q: Tensor, k: Tensor, v: Tensor, y: Tensor, logsumexp: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    with cpu.as_by_default():
        return _kernel_backward(grad, q, k, v, y, logsumexp, mask)


def _remember(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(*inputs, *output)


def _gradients(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    q, k, v, mask, y, logsumexp = ctx.saved_tensors
    return (*_attend_backward(grad, q, k, v, y, logsumexp, mask), None)


torch.library.register_autograd(_attend, _gradients, setup_context=_remember)
