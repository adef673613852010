"""The loss and the exact match of answers under teacher forcing.

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

# The target of positions that have none, as in F.cross_entropy.
_IGNORED = -100


@dataclass(frozen=True)
class Answers:
    """A model's predictions of the answer tokens of a batch, A positions in each row.

    Attributes:
        logits: (B, A, V), given the true tokens before.
        targets: (B, A), the true token ids.
        at: (B, A), the positions that predict them.
        valid: bool (B, A), False beyond the end of an answer that is shorter than A.
        token_mask: bool (B, T - 1), True for tokens that the model reads and another follows:
            padding is not, nor ``<eos>``, which is read only beside a longer problem.
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
        """bool (B, A): False for answer tokens that are not the argmax, True elsewhere."""
        return (self.logits.argmax(-1) == self.targets) | ~self.valid

    def exact(self) -> Tensor:
        """bool (B,): True where greedy decoding gives the whole answer, ``<eos>`` included."""
        return self.correct().all(1)

    def routed(self, model: TransformerLM) -> list[tuple[Routing, Tensor, Tensor]]:
        """How each MoE layer routed the tokens of this batch; to be asked before the next one.

        Returns:
            For each layer its routing, the positions of the tokens in their rows, and which of
            them are real, each (B, T - 1); (B, A) for the last layer, which computes the answers
            only.
        """
        T = self.token_mask.size(1)
        places = torch.arange(T, device=self.at.device).expand_as(self.token_mask)
        routings = model.routings()
        lower = [(routing, places, self.token_mask) for routing in routings[:-1]]
        return lower + [(routing, self.at, self.valid) for routing in routings[-1:]]


def answer(model: TransformerLM, batch: dict[str, Tensor]) -> Answers:
    """One forward pass, of which the last block and the head compute the answer positions only.

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
