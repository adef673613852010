"""Answers under teacher forcing: what training minimises and what grading counts.

Greedy decoding produces an answer exactly when each of its tokens is the argmax given the true
tokens before it: up to the first miss, the two see the same prefix. So one forward pass knows
the exact match, and nothing has to be generated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .kv_cache import KVCache
from .layers import Routing
from .models import TransformerLM
from .prefixes import endings, finish
from .tokenizer import BOS, EOS, CharTokenizer

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


@torch.inference_mode()
def leads(model: TransformerLM, tokens: Tensor, finish: Callable[..., Tensor] = finish) -> Tensor:
    """By how much each problem's answer is ahead, where it is so by the least.

    The logit of a true token less the largest other one, the minimum over the answer: greedy
    decoding gives the whole answer where that is above 0. Problems of equal lengths run together,
    and what begins alike runs once.

    Args:
        tokens: (n, T), ``<bos>554+456=1010<eos>`` padded on the right, on the model's device.
        finish: `prefixes.finish`, or the same compiled.

    Returns:
        (n,), float32.
    """
    result = torch.zeros(len(tokens), device=tokens.device)
    starts = (tokens == CharTokenizer.equals_id).int().argmax(1) + 1
    ends = (tokens != CharTokenizer.pad_id).sum(1)
    width = tokens.size(1) + 1
    held = [KVCache() for _ in model.blocks]
    for shape in (starts * width + ends).unique().tolist():
        start, end = divmod(shape, width)
        alike = ((starts == start) & (ends == end)).nonzero()[:, 0]
        ids, keep = tokens[alike, :end], end - start
        for ending in endings(model, ids[:, :-1], keep):
            logits = model.lm_head(finish(model, ending, keep, held)).float()
            true = ids[ending.rows, start:, None].long()
            others = logits.scatter(-1, true, -torch.inf).amax(-1)
            result[alike[ending.rows]] = (logits.gather(-1, true)[..., 0] - others).amin(1)
    return result


def generate_answers(model: TransformerLM, prompts: Sequence[str]) -> list[str]:
    """What greedy decoding says after each prompt, such as ``1010`` after ``554+456=``.

    An answer that does not end within the model's max_seq_len is cut there; special tokens that
    are said in the middle of one are written out.
    """
    if not prompts:
        return []
    tokenizer = CharTokenizer()
    device = next(model.parameters()).device
    input_ids, attention_mask = tokenizer.pad_batch([tokenizer.encode(BOS + p) for p in prompts])
    T = input_ids.size(1)
    output = model.generate(
        input_ids.to(device),
        model.max_seq_len - T,
        tokenizer.eos_id,
        attention_mask.to(device),
    )
    return [tokenizer.decode(row).partition(EOS)[0] for row in output[:, T:].tolist()]
