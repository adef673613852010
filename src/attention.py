"""Multi-head causal self-attention, with optional RoPE and a key/value cache."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .ops.kv_cache import KVCache
from .positional import RotaryEmbedding, apply_rope

# So many tokens attend to each other in less time one product at a time than in PyTorch's kernel.
_FEW_KEYS = 32


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
            mask: bool, broadcastable to (B, H, Q, T), True where a query may look; it must
                contain causality. None means causal, and not both `at` and no cache.
            cache: of the tokens before x, without padding; extended by x, and read causally
                whatever the mask.
            at: (B, Q), the places in x that look; None: all, Q = T.

        Returns:
            (B, Q, C).
        """
        B, _, C = x.shape
        q, k, v = self._project(x, positions, at)
        dropout = self.dropout if self.training else 0.0
        if cache is not None:
            k, v, mask = cache.append(k, v)
            y = _few_queries(q, k, v, mask if at is None else mask[at][:, None], dropout)
        elif torch.compiler.is_compiling() and k.size(2) <= _FEW_KEYS:
            if mask is None:
                mask = torch.ones(q.size(2), k.size(2), dtype=torch.bool, device=q.device).tril()
            y = _few_queries(q, k, v, mask, dropout)
        else:
            y = F.scaled_dot_product_attention(
                q, k, v, attn_mask=mask, dropout_p=dropout, is_causal=mask is None
            )
        return self.out(y.transpose(1, 2).reshape(B, q.size(2), C))

    def weights(self, x: Tensor, positions: Tensor) -> Tensor:
        """How much each token looks at each: what `forward` sums over and never holds.

        Args:
            x: (B, T, C), without padding.
            positions: (T,) or (B, T).

        Returns:
            (B, H, T, T), each query's row of sum 1, 0 for keys behind it.
        """
        q, k, _ = self._project(x, positions)
        scores = q @ k.transpose(-2, -1) / q.size(-1) ** 0.5
        later = torch.ones_like(scores, dtype=torch.bool).triu(1)
        return scores.masked_fill(later, -torch.inf).softmax(-1)

    def _project(
        self, x: Tensor, positions: Tensor, at: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (B, H, Q, D) of the places `at`, keys and values (B, H, T, D) of all of x."""
        if at is None:
            q, k, v = self.qkv(x).chunk(3, dim=-1)
            q_positions = positions
        else:
            C = x.size(-1)
            weight, bias = self.qkv.weight, self.qkv.bias
            q = F.linear(pick(x, at), weight[:C], None if bias is None else bias[:C])
            kv = F.linear(x, weight[C:], None if bias is None else bias[C:])
            k, v = kv.chunk(2, dim=-1)
            q_positions = positions.expand(at.size(0), -1).gather(1, at)
        q, k, v = (
            part.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)  # (B, H, .., D)
            for part in (q, k, v)
        )
        if self.rope is not None:
            q = apply_rope(q, *self.rope(q_positions))
            k = apply_rope(k, *self.rope(positions))
        return q, k, v


def pick(x: Tensor, at: Tensor) -> Tensor:
    """Some places of each row: (B, T, C) and (B, Q) -> (B, Q, C)."""
    return x.gather(1, at.unsqueeze(-1).expand(-1, -1, x.size(-1)))


def _few_queries(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, dropout: float) -> Tensor:
    """`scaled_dot_product_attention` for a handful of tokens.

    PyTorch's kernel starts anew for each row and head, which takes longer than so few tokens do.
    Forward and backward, that is so where what stands between the two products is compiled.
    """
    scores = (q * q.size(-1) ** -0.5) @ k.transpose(-2, -1)
    return F.dropout(scores.masked_fill(~mask, -torch.inf).softmax(-1), dropout) @ v
