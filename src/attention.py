"""Multi-head causal self-attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .ops.attend import attend, project
from .ops.kv_cache import KVCache
from .positional import RotaryEmbedding, apply_rope


class CausalSelfAttention(nn.Module):
    """``softmax(q k^T / sqrt(D)) v`` per head, each token seeing itself and those before.

    Vaswani et al. 2017 (arXiv 1706.03762).

    Args:
        d_model: C.
        n_heads: H, a divisor of C.
        dropout: on the attention weights, in training.
        bias: biases on both projections (GPT-2 has them, Llama has none).
        rope: rotates queries and keys; None where positions come in with the embeddings.

    Raises:
        ValueError: if n_heads does not divide d_model.
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        dropout: float = 0.0,
        bias: bool = False,
        rope: RotaryEmbedding | None = None,
    ) -> None:
        super().__init__()
        if d_model % n_heads:
            raise ValueError(f"d_model ({d_model}) must be divisible by n_heads ({n_heads})")
        self.n_heads = n_heads
        self.dropout = dropout
        self.rope = rope
        # One product for the three projections: a third of the kernel launches.
        self.qkv = nn.Linear(d_model, 3 * d_model, bias=bias)
        self.out = nn.Linear(d_model, d_model, bias=bias)

    def forward(
        self,
        x: Tensor,
        positions: Tensor,
        mask: Tensor | None = None,
        cache: KVCache | None = None,
        at: Tensor | None = None,
    ) -> Tensor:
        """Attend within x and to what the cache holds.

        Args:
            x: (B, T, C).
            positions: (T,) or (B, T), read by RoPE.
            mask: bool (B, 1, T, T), see `causal_mask`; None: causality alone.
            cache: of the tokens before x, without padding; extended by x, and read causally
                whatever the mask.
            at: (B, Q), the positions in x to compute; None: all, Q = T.

        Returns:
            (B, Q, C).
        """
        q, k, v = self._heads(x, positions, at)
        if cache is not None:
            k, v, mask = cache.append(k, v)
        dropout = self.dropout if self.training else 0.0
        y = attend(q, k, v, mask, at, dropout, few=cache is not None)  # (B, H, Q, D)
        return self.out(y.transpose(1, 2).flatten(2))

    def weights(self, x: Tensor, positions: Tensor) -> Tensor:
        """The attention weights, which `forward` never holds as a whole.

        Args:
            x: (B, T, C), without padding.
            positions: (T,) or (B, T).

        Returns:
            (B, H, T, T), each query's row of sum 1, 0 for later keys.
        """
        q, k, _ = self._heads(x, positions)
        scores = q @ k.transpose(-2, -1) / q.size(-1) ** 0.5
        later = torch.ones_like(scores, dtype=torch.bool).triu(1)
        return scores.masked_fill(later, -torch.inf).softmax(-1)

    @torch.no_grad()
    def sharpen(self, scale: float) -> None:
        """Multiply the logits that the softmax reads by a constant, from now on.

        The constant goes into the queries' weights: rotations keep it, as they are linear.
        """
        C = self.qkv.in_features
        self.qkv.weight[:C] *= scale
        if self.qkv.bias is not None:
            self.qkv.bias[:C] *= scale

    def _heads(
        self, x: Tensor, positions: Tensor, at: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (B, H, Q, D) at the positions `at`, keys and values (B, H, T, D) of all of x."""
        q, k, v = (
            part.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for part in project(self.qkv, x, at)
        )
        if self.rope is not None:
            asking = positions if at is None else positions.expand(len(at), -1).gather(1, at)
            q = apply_rope(q, *self.rope(asking))
            k = apply_rope(k, *self.rope(positions))
        return q, k, v


def causal_mask(attention_mask: Tensor) -> Tensor:
    """Which tokens each token sees, of rows with padding.

    Args:
        attention_mask: (B, T), 1 for real tokens, 0 for padding on either side.

    Returns:
        bool (B, 1, T, T), True for real tokens up to the query's own position, and for that
        position: padding sees itself, as the softmax over no keys is undefined.
    """
    T = attention_mask.size(1)
    square = torch.ones(T, T, dtype=torch.bool, device=attention_mask.device)
    itself = torch.eye(T, dtype=torch.bool, device=attention_mask.device)
    return (square.tril() & attention_mask.bool()[:, None] | itself)[:, None]
