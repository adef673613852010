"""Answers under teacher forcing: what training minimises and what grading counts.

Greedy decoding produces an answer exactly when each of its tokens is the argmax given the true
tokens before it: up to the first miss, the two see the same prefix. So one forward pass knows
the exact match, and nothing has to be generated.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .layers import Routing
from .models import TransformerLM

# Places without a target, as F.cross_entropy has it.
_IGNORED = -100


@dataclass(frozen=True)
class Answers:
    """What a model says at the places that answer, A in each row.

    Attributes:
        logits: (B, A, V), given the true tokens before.
        targets: (B, A).
        at: (B, A), the places, each before the token that it says.
        valid: bool (B, A), False where a row's answer is shorter than A.
        token_mask: bool (B, T - 1), tokens read that are followed by another: not ``<eos>``, which
            is read only beside a longer problem.
    """

    logits: Tensor
    targets: Tensor
    at: Tensor
    valid: Tensor
    token_mask: Tensor

    def loss(self) -> Tensor:
        """Mean cross-entropy of an answer token in nats."""
        targets = self.targets.masked_fill(~self.valid, _IGNORED)
        return F.cross_entropy(self.logits.flatten(0, 1), targets.flatten(), ignore_index=_IGNORED)

    def correct(self) -> Tensor:
        """bool (B, A): False at answer tokens that are not the argmax, True elsewhere."""
        return (self.logits.argmax(-1) == self.targets) | ~self.valid

    def exact(self) -> Tensor:
        """bool (B,): rows whose whole answer, ``<eos>`` included, greedy decoding gives."""
        return self.correct().all(1)

    def routed(self, model: TransformerLM) -> list[tuple[Routing, Tensor, Tensor]]:
        """For each MoE layer of the model that has just answered: how it routed which tokens.

        Returns:
            The routing, the tokens' places, and bool which of them count, each (B, T - 1); in the
            last block (B, A), as it serves the answers only.
        """
        T = self.token_mask.size(1)
        places = torch.arange(T, device=self.at.device).expand_as(self.token_mask)
        routings = model.routings()
        lower = [(routing, places, self.token_mask) for routing in routings[:-1]]
        return lower + [(routing, self.at, self.valid) for routing in routings[-1:]]


def answer(model: TransformerLM, batch: dict[str, Tensor]) -> Answers:
    """One forward pass; the last block and the head serve the places that answer, no others.

    Args:
        batch: what `collate_fn` returns, padded on the right.
    """
    input_ids, at = batch["input_ids"], batch["answer_at"]
    # Padding is on the right, where causality hides it already: no attention mask is needed.
    return Answers(
        logits=model(input_ids[:, :-1], at=at),
        targets=input_ids[:, 1:].gather(1, at),
        at=at,
        valid=batch["answer_mask"],
        token_mask=batch["attention_mask"][:, 1:].bool(),
    )
