"""Where a token stands, and how a model learns of it: a table of position schemes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .config import ModelConfig


def apply_rope(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate each pair ``(x[i], x[i + D/2])`` by its position's angle.

    Su et al. 2021 (arXiv 2104.09864) rotate neighbouring pairs; Llama's published weights, and
    we, pair the two halves of a head. The two differ by a fixed permutation of the dimensions.

    Args:
        x: queries or keys, (B, H, T, D).
        cos, sin: what `RotaryEmbedding` returns, broadcastable to x.
    """
    first, second = x.chunk(2, dim=-1)
    return torch.addcmul(x * cos, torch.cat((second, first), dim=-1), sin)


class RotaryEmbedding(nn.Module):
    """Table of cosines and sines of ``position * theta^(-2i / D)``, i = 0 .. D/2 - 1.

    The sines of the first half are negative, as that half is turned against the other.

    Args:
        head_dim: D, even.
        max_seq_len: number of positions.
        theta: base of the wavelengths, which run from 2 pi to 2 pi * theta.

    Raises:
        ValueError: for an odd head_dim.
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, head_dim: int, max_seq_len: int, theta: float = 10_000.0) -> None:
        super().__init__()
        if head_dim % 2:
            raise ValueError(f"head_dim ({head_dim}) must be even: RoPE rotates pairs")
        frequencies = theta ** -(torch.arange(0, head_dim, 2).float() / head_dim)
        angles = torch.outer(torch.arange(max_seq_len).float(), frequencies).repeat(1, 2)
        # Derived from the arguments, so no checkpoint carries them.
        self.register_buffer("cos", angles.cos(), persistent=False)  # (max_seq_len, D)
        first, second = angles.sin().chunk(2, dim=-1)
        self.register_buffer("sin", torch.cat((-first, second), dim=-1), persistent=False)

    def forward(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines for positions (T,) or (B, T), with a head dimension to broadcast."""
        return self.cos[positions].unsqueeze(-3), self.sin[positions].unsqueeze(-3)


def count(input_ids: Tensor, attention_mask: Tensor | None = None, past: int = 0) -> Tensor:
    """The position of each token: 0, 1, 2, ...

    >>> count(torch.zeros(1, 4), torch.tensor([[0, 0, 1, 1]])).tolist()
    [[0, 0, 0, 1]]

    Args:
        input_ids: (B, T).
        attention_mask: (B, T), 0 for padding, which does not count: a row is what it is alone,
            wherever its padding stands; None: no padding.
        past: tokens that were read before these.

    Returns:
        (T,) or (B, T).
    """
    if attention_mask is None:
        return torch.arange(past, past + input_ids.size(1), device=input_ids.device)
    return (attention_mask.bool().cumsum(1) - 1).clamp(min=0)


@dataclass(frozen=True)
class PositionScheme:
    """How positions come into a model.

    Attributes:
        ids: token ids -> position ids, see `count`.
        embedding: makes the table of which each token's position adds a row to its embedding.
        rope: makes what rotates each layer's queries and keys.
    """

    ids: Callable[[Tensor, Tensor | None, int], Tensor] = count
    embedding: Callable[[ModelConfig], nn.Embedding | None] = lambda c: None
    rope: Callable[[ModelConfig], RotaryEmbedding | None] = lambda c: None


POSITIONS: dict[str, PositionScheme] = {
    # One vector for each position, as in GPT-2.
    "learned": PositionScheme(embedding=lambda c: nn.Embedding(c.max_seq_len, c.d_model)),
    # Rotations, as in Llama-2 and Mixtral.
    "rope": PositionScheme(
        rope=lambda c: RotaryEmbedding(c.d_model // c.n_heads, c.max_seq_len, c.rope_theta)
    ),
}
