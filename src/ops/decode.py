"""Decoding with a key/value cache, for prompts of unequal length in one batch."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import cpu
from .kv_cache import KVCache
from .prefix_sharing import CachedModel, endings, finish
from .sampling import Pick, greedy

# Up to so many prompts, oneDNN takes longer to generate code for each number of rows than it gains:
# of 8 prompts, two fifths as long again; of 64, a third; of 512 and more it is the faster one.
_FEW_PROMPTS = 256


class Decoder(CachedModel, Protocol):
    """The part of `models.TransformerLM` that is used here."""

    lm_head: nn.Linear
    max_seq_len: int
    training: bool

    def train(self, mode: bool = True) -> object:
        """See `nn.Module.train`."""


@torch.no_grad()
def generate(
    model: Decoder,
    input_ids: Tensor,
    max_new_tokens: int,
    eos_id: int,
    attention_mask: Tensor | None,
    pad_id: int,
    pick: Pick = greedy,
) -> Tensor:
    """The next token after each prompt, appended, again and again.

    Prompts of equal length are run together, so that none is padded.

    Args:
        model: put into evaluation mode meanwhile.
        input_ids: (B, T) prompts, padded on either side to equal length.
        max_new_tokens: stop after so many, or when all rows have ended.
        eos_id: the token that ends a row; pad_id follows it.
        attention_mask: (B, T), 1 for real tokens; None: all that are not pad_id.
        pad_id: padding, of prompts and of rows that ended.
        pick: chooses the next token: the one with the largest logit, or another rule.

    Returns:
        (B, T + new): input_ids, then the new tokens from column T on. Each row is what it would
        be alone.

    Raises:
        ValueError: if T + max_new_tokens exceeds the model's max_seq_len, or for a prompt that is
            all padding.
    """
    B, T = input_ids.shape
    if T + max_new_tokens > model.max_seq_len:
        raise ValueError(
            f"a prompt of {T} tokens and max_new_tokens ({max_new_tokens}) "
            f"do not fit in max_seq_len ({model.max_seq_len})"
        )
    real = (input_ids != pad_id if attention_mask is None else attention_mask).bool()
    lengths = real.sum(1)
    if not lengths.all():
        raise ValueError(f"row {int(lengths.argmin())} of input_ids is all padding")
    was_training = model.training
    model.train(False)
    new = torch.full((B, max_new_tokens), pad_id, dtype=torch.long, device=input_ids.device)
    n_new, held = 0, [KVCache() for _ in model.blocks]
    with cpu.as_by_default() if B <= _FEW_PROMPTS else nullcontext():
        for length in lengths.unique().tolist():
            same = (lengths == length).nonzero()[:, 0]
            prompts = input_ids[same][real[same]].view(-1, length)
            for ending in endings(model, prompts, keep=1):
                hidden = finish(model, ending, 1, held)
                asked, caches = prompts[ending.rows], list(held)
                said = _continue(model, asked, hidden, caches, max_new_tokens, eos_id, pad_id, pick)
                new[same[ending.rows], : said.size(1)] = said
                n_new = max(n_new, said.size(1))
    model.train(was_training)
    return torch.cat((input_ids, new[:, :n_new]), dim=1)


def _continue(
    model: Decoder,
    prompts: Tensor,
    hidden: Tensor,
    caches: list[KVCache],
    max_new_tokens: int,
    eos_id: int,
    pad_id: int,
    pick: Pick,
) -> Tensor:
    """The tokens after prompts that the model has read: (B, new), padded where rows ended early.

    Args:
        prompts: (B, T).
        hidden: (B, 1, C), what the head reads at the last token of each prompt.
        caches: of the prompts; extended.
    """
    T = prompts.size(1)
    rows = F.pad(prompts.long(), (0, max_new_tokens), value=pad_id)
    going = torch.arange(len(rows), device=rows.device)
    for step in range(max_new_tokens):
        so_far = rows[going, : T + step]
        if step:
            # The last token's position depends on those before it.
            position = model.position_ids(so_far)[..., -1:]
            hidden = model.hidden(so_far[:, -1:], caches=caches, positions=position)
        token = pick(model.lm_head(hidden[:, -1]), so_far)
        rows[going, T + step] = token
        goes_on = (token != eos_id).nonzero()[:, 0]
        if not len(goes_on):
            return rows[:, T : T + step + 1]
        if len(goes_on) < len(going):
            going, caches = going[goes_on], [KVCache().take(cache, goes_on) for cache in caches]
    return rows[:, T:]
