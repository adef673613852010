"""Which token comes next: the most likely one, or one that is drawn."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

import torch
from torch import Tensor

from ..tokenizer import CharTokenizer

# The next token of each row, (b,), from its logits, (b, V), and all tokens before it, (b, T), with
# padding on the left.
Pick = Callable[[Tensor, Tensor], Tensor]


def greedy(logits: Tensor, so_far: Tensor) -> Tensor:
    """The most likely token, a `Pick`."""
    return logits.argmax(-1)


def sampled(temperature: float, top_k: int = 0) -> Pick:
    """A token drawn from ``softmax(logits / temperature)``.

    The random number is a hash of the tokens before it: a row is continued in the same way in any
    batch and each time, and different models are given the same numbers.

    Args:
        temperature: above 0; far below 1 it is as `greedy`.
        top_k: drawn is among so many of the most likely tokens; 0: among all.
    """

    def pick(logits: Tensor, so_far: Tensor) -> Tensor:
        # In double precision, which not every device has.
        scores = logits.cpu().double()
        if 0 < top_k < scores.size(-1):
            least = scores.topk(top_k).values[:, -1:]
            scores = scores.masked_fill(scores < least, -torch.inf)
        # None is above 0: divided by a tiny temperature, it would be no number.
        scores = scores - scores.amax(-1, keepdim=True)
        reached = (scores / temperature).softmax(-1).cumsum(-1)
        drawn = _uniform(so_far)[:, None] * reached[:, -1:]
        return (reached <= drawn).sum(-1).to(logits.device)

    return pick


def _uniform(rows: Tensor) -> Tensor:
    """A number from 0 to below 1 for each row of tokens, (b,), whatever its padding."""
    tokens = rows.cpu().numpy().astype("<i8")
    starts = (tokens != CharTokenizer.pad_id).argmax(1)
    texts = (row[start:].tobytes() for row, start in zip(tokens, starts, strict=True))
    hashes = [blake2b(text, digest_size=4).digest() for text in texts]
    return torch.tensor([int.from_bytes(h, "little") / 2**32 for h in hashes], dtype=torch.float64)
