"""Greedy decoding with a key/value cache, for prompts of unequal length in one batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .attention import KVCache

if TYPE_CHECKING:
    from .models import TransformerLM


@torch.no_grad()
def generate(
    model: TransformerLM,
    input_ids: Tensor,
    max_new_tokens: int,
    eos_id: int,
    attention_mask: Tensor | None,
    pad_id: int,
) -> Tensor:
    """The most likely token after each prompt, again and again.

    Args:
        model: put into evaluation mode meanwhile.
        input_ids: (B, T) prompts, padded on either side to equal length.
        max_new_tokens: stop after so many, or when all rows have ended.
        eos_id: the token that ends a row; what follows it is pad_id.
        attention_mask: (B, T), 1 for real tokens; None: all that are not pad_id.
        pad_id: padding, of prompts and of rows that ended.

    Returns:
        (B, T + new): input_ids, then the new tokens from column T on. Each row is what it would
        be alone.

    Raises:
        ValueError: if T + max_new_tokens exceeds the model's max_seq_len.
    """
    B, T = input_ids.shape
    if T + max_new_tokens > model.max_seq_len:
        raise ValueError(
            f"a prompt of {T} tokens and max_new_tokens ({max_new_tokens}) "
            f"do not fit in max_seq_len ({model.max_seq_len})"
        )
    was_training = model.training
    model.eval()
    mask = (input_ids != pad_id if attention_mask is None else attention_mask).bool()
    caches = [KVCache() for _ in model.blocks]
    ended = torch.zeros(B, dtype=torch.bool, device=input_ids.device)
    output, new = [input_ids], input_ids
    last = T - 1 - mask.flip(1).int().argmax(1)  # (B,), the last real token of each prompt
    for _ in range(max_new_tokens):
        hidden = model.hidden(new, mask, caches)
        logits = model.lm_head(hidden[torch.arange(B, device=last.device), last])  # (B, V)
        token = logits.argmax(-1).masked_fill(ended, pad_id)
        ended = ended | (token == eos_id)
        new, last = token[:, None], torch.zeros_like(last)
        output.append(new)
        if ended.all():
            break
        mask = torch.cat((mask, torch.ones_like(mask[:, :1])), dim=1)
    model.train(was_training)
    return torch.cat(output, dim=1)
