"""Answers under teacher forcing: what training minimises and what grading counts.

Greedy decoding produces an answer exactly when each of its tokens is the argmax given the true
tokens before it: up to the first miss, the two see the same prefix. So one forward pass knows
the exact match, and nothing has to be generated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .models import TransformerLM
from .prefixes import run
from .tokenizer import BOS, EOS, CharTokenizer


@dataclass(frozen=True)
class Answers:
    """The answer tokens of a batch, M in all, in the order of their rows.

    Attributes:
        logits: (M, V), given the true tokens before.
        targets: (M,).
        mask: bool (B, T - 1), the M places in the shifted batch.
        token_mask: bool (B, T - 1), real tokens that the model read.
    """

    logits: Tensor
    targets: Tensor
    mask: Tensor
    token_mask: Tensor

    def loss(self) -> Tensor:
        """Mean cross-entropy of an answer token in nats."""
        return F.cross_entropy(self.logits, self.targets)

    def correct(self) -> Tensor:
        """bool (B, T - 1): False at answer tokens that are not the argmax, True elsewhere."""
        correct = torch.ones_like(self.mask)
        correct[self.mask] = self.logits.argmax(-1) == self.targets
        return correct

    def exact(self) -> Tensor:
        """bool (B,): rows whose whole answer, ``<eos>`` included, greedy decoding gives."""
        return self.correct().all(1)


def answer(model: TransformerLM, batch: dict[str, Tensor]) -> Answers:
    """One forward pass, with the head at answer positions only.

    Args:
        batch: what `collate_fn` returns, padded on the right.
    """
    input_ids = batch["input_ids"]
    mask = batch["loss_mask"][:, 1:].bool()
    # Padding is on the right, where causality hides it already: no attention mask is needed.
    hidden = model.hidden(input_ids[:, :-1])
    return Answers(
        logits=model.lm_head(hidden[mask]),
        targets=input_ids[:, 1:][mask],
        mask=mask,
        token_mask=batch["attention_mask"][:, :-1].bool(),
    )


@torch.inference_mode()
def exact(model: TransformerLM, tokens: Tensor) -> Tensor:
    """Which problems greedy decoding answers right: `Answers.exact` of many, without a loss.

    Those of equal lengths run together, and what begins alike runs once.

    Args:
        tokens: (n, T), ``<bos>554+456=1010<eos>`` padded on the right, on the model's device.

    Returns:
        bool (n,).
    """
    exact = torch.zeros(len(tokens), dtype=torch.bool, device=tokens.device)
    starts = (tokens == CharTokenizer.equals_id).int().argmax(1) + 1
    ends = (tokens != CharTokenizer.pad_id).sum(1)
    width = tokens.size(1) + 1
    for shape in (starts * width + ends).unique().tolist():
        start, end = divmod(shape, width)
        alike = ((starts == start) & (ends == end)).nonzero()[:, 0]
        ids = tokens[alike, :end]
        for rows, hidden, _ in run(model, ids[:, :-1], keep=end - start):
            said = model.lm_head(hidden).argmax(-1)
            exact[alike[rows]] = (said == ids[rows, start:]).all(1)
    return exact


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
