"""Scaled dot-product attention, fast for short sequences and for chosen query positions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .fused_attention import fused_attention

# Up to so many keys, separate matrix products take less time than PyTorch's fused kernel.
_FEW_KEYS = 32


def pick(x: Tensor, at: Tensor) -> Tensor:
    """Chosen positions of each row: (B, T, C) and (B, Q) -> (B, Q, C)."""
    return x.gather(1, at.unsqueeze(-1).expand(-1, -1, x.size(-1)))


def project(qkv: nn.Linear, x: Tensor, at: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values: ``qkv(x)`` in three parts, the queries at chosen positions only.

    Args:
        qkv: C -> 3 C.
        x: (B, T, C).
        at: (B, Q), the queries' positions; None: all, Q = T.

    Returns:
        (B, Q, C), (B, T, C) and (B, T, C).
    """
    if at is None:
        q, k, v = qkv(x).chunk(3, dim=-1)
        return q, k, v
    C = x.size(-1)
    bias = qkv.bias
    # `int8.Int8Linear` has its own.
    multiply = getattr(qkv, "multiply", F.linear)
    q = multiply(pick(x, at), qkv.weight[:C], None if bias is None else bias[:C])
    k, v = multiply(x, qkv.weight[C:], None if bias is None else bias[C:]).chunk(2, dim=-1)
    return q, k, v


def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    at: Tensor | None = None,
    dropout: float = 0.0,
    few: bool = False,
) -> Tensor:
    """``softmax(q k^T / sqrt(D)) v``, each query seeing its own position and those before.

    Args:
        q: (B, H, Q, D).
        k, v: (B, H, S, D).
        mask: bool, (T, S) or (B, 1, T, S), True for the keys that a position sees, which must
            be causal; None: its own and all before, T = S.
        at: (B, Q), the queries' positions among the T; None: all, Q = T.
        dropout: on the weights.
        few: whether few queries are known to come, as in decoding with a cache.

    Returns:
        (B, H, Q, D).
    """
    if at is not None:
        mask = _causal(k) if mask is None else mask
        mask = (mask[at] if mask.dim() == 2 else pick(mask[:, 0], at))[:, None]  # (B, 1, Q, S)
    if few or (torch.compiler.is_compiling() and k.size(2) <= _FEW_KEYS):
        return _few_queries(q, k, v, _causal(k) if mask is None else mask, dropout)
    return fused_attention(q, k, v, mask, dropout)


def _causal(k: Tensor) -> Tensor:
    """bool (S, S)."""
    return torch.ones(k.size(2), k.size(2), dtype=torch.bool, device=k.device).tril()


def _few_queries(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, dropout: float) -> Tensor:
    """`fused_attention` for a handful of tokens.

    PyTorch's fused kernel has a cost for each row and head that exceeds the work on so few tokens.
    For forward and backward together it does so only where the softmax in between is compiled.
    """
    scores = (q * q.size(-1) ** -0.5) @ k.transpose(-2, -1)
    return F.dropout(scores.masked_fill(~mask, -torch.inf).softmax(-1), dropout) @ v
