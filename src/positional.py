"""Where a token stands, and how a model learns of it: a table of position schemes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .config import ModelConfig
from .tokenizer import VOCABULARY, CharTokenizer

_ZERO, _NINE = VOCABULARY.index("0"), VOCABULARY.index("9")


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


def count(input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
    """0, 1, 2, ... from the first token on.

    >>> count(torch.zeros(1, 4), torch.tensor([[0, 0, 1, 1]])).tolist()
    [[0, 0, 0, 1]]

    Args:
        input_ids: (B, T), whole rows.
        attention_mask: (B, T), 0 for padding, which does not count: a row is what it is alone,
            wherever its padding stands; None: all padding there is stands on the right.

    Returns:
        (T,), the same for all rows, or (B, T).
    """
    if attention_mask is None:
        return torch.arange(input_ids.size(1), device=input_ids.device)
    return (attention_mask.bool().cumsum(1) - 1).clamp(min=0)


def abacus(input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
    """1, 2, 3, ... within each number, from its first digit on; 0 for all other tokens.

    McLeish et al. 2024 (arXiv 2405.17399), who write operands and answers from the units up: only
    there do digits of one place get one position.

    >>> row = torch.tensor([CharTokenizer().encode("<bos>554+456=0101")])
    >>> abacus(row).tolist()
    [[0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 4]]

    Args: see `count`.

    Returns:
        (B, T).
    """
    return _from_left(_is_digit(input_ids, attention_mask))


def coupled(input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
    """The place of each digit in its number: units 1, tens 2, ...; 0 for all other tokens.

    Cho et al. 2024 (arXiv 2405.20671). Numbers of the prompt, up to the first ``=``, begin with
    their highest digit, those behind it with their units. So the positions of a prompt are known
    once its ``=`` is, and those behind it depend on no later token.

    >>> row = torch.tensor([CharTokenizer().encode("<bos>554+456=0101")])
    >>> coupled(row).tolist()
    [[0, 3, 2, 1, 0, 3, 2, 1, 0, 1, 2, 3, 4]]

    Args: see `count`.

    Returns:
        (B, T).
    """
    is_digit = _is_digit(input_ids, attention_mask)
    is_answer = (input_ids == CharTokenizer.equals_id).cumsum(1) > 0
    # Read from the right, a number of the prompt begins with its units.
    return torch.where(is_answer, _from_left(is_digit), _from_left(is_digit.flip(1)).flip(1))


def _is_digit(input_ids: Tensor, attention_mask: Tensor | None) -> Tensor:
    """bool (B, T)."""
    is_digit = (input_ids >= _ZERO) & (input_ids <= _NINE)
    return is_digit if attention_mask is None else is_digit & attention_mask.bool()


def _from_left(is_digit: Tensor) -> Tensor:
    """1, 2, 3, ... within each run of digits; 0 elsewhere: (B, T)."""
    place = torch.arange(1, is_digit.size(1) + 1, device=is_digit.device)
    return place - place.masked_fill(is_digit, 0).cummax(1).values


@dataclass(frozen=True)
class Numbering:
    """How the tokens of whole rows, from ``<bos>`` on, get their positions.

    Attributes:
        ids: the positions outside training, see `count`.
        moved: in training, these of the positions are moved by one random number in each row: 1 or
            0 for each, by the positions; None: none.
    """

    ids: Callable[[Tensor, Tensor | None], Tensor]
    moved: Callable[[Tensor], Tensor] | None = None

    def in_training(self, ids: Tensor, rows: int, max_seq_len: int) -> Tensor:
        """Positions moved at random: so a training on short rows learns those of longer ones.

        Args:
            ids: (T,) or (B, T), not moved.
            rows: B. Each draws its own number, uniformly among 0, 1, 2, ... up to where the
                largest position of the batch becomes the last of the model's.
            max_seq_len: the model's number of positions.
        """
        if self.moved is None:
            return ids
        numbers = torch.rand(rows, 1, device=ids.device) * (max_seq_len - ids.amax())
        return ids + numbers.long() * self.moved(ids)


NUMBERINGS: dict[str, Numbering] = {
    "sequential": Numbering(count),
    # Counted as well, and read by nobody, see `scheme_of`.
    "none": Numbering(count),
    # Kiyono et al. 2021 (arXiv 2109.05644).
    "random_start": Numbering(count, torch.ones_like),
    "abacus": Numbering(abacus, lambda ids: ids > 0),
    # All tokens: ``=`` stays beside the units, and RoPE, which sees distances, sees no difference.
    "coupled": Numbering(coupled, torch.ones_like),
}


@dataclass(frozen=True)
class PositionScheme:
    """How positions come into a model.

    Attributes:
        embedding: makes the table of which each token's position adds a row to its embedding.
        rope: makes what rotates each layer's queries and keys.
    """

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


def scheme_of(config: ModelConfig) -> PositionScheme:
    """A model's scheme; none at all with ``positions: none``.

    There, what comes before a token is known from the causal mask alone: Kazemnejad et al. 2023
    (arXiv 2305.19466).
    """
    return PositionScheme() if config.positions == "none" else POSITIONS[config.pos_encoding]
