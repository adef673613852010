"""Decoding with a key/value cache, for prompts of unequal length in one batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..tokenizer import CharTokenizer
from . import cpu
from .kv_cache import KVCache
from .prefix_sharing import CachedModel, endings, finish
from .sampling import Pick, greedy

# Up to so many prompts it takes longer to sort them by length and by what they begin with, and to
# generate code for each number of rows, than that gains: of 64, half as long again, of 256 a third;
# of 512 it takes a quarter less.
_FEW_PROMPTS = 256
# So many prompts are continued together, or a few hundred more.
_TOGETHER = 512


class Decoder(CachedModel, Protocol):
    """The part of `models.TransformerLM` that is used here."""

    lm_head: nn.Linear
    max_seq_len: int
    training: bool

    def train(self, mode: bool = True) -> object:
        """See `nn.Module.train`."""


class ReadPrompts(NamedTuple):
    """Some prompts that the model has read.

    Attributes:
        rows: their indices, (b,).
        hidden: (b, 1, C), what the head reads at the last token of each.
        caches: one for each block.
    """

    rows: Tensor
    hidden: Tensor
    caches: list[KVCache]


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

    Few prompts are read in one pass; of many, those of one length together, and what they begin
    with once. Then prompts of all lengths are continued together.

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
    n_new = 0
    # Padding on the left, whichever side it was on, and no more than there must be.
    order = real.long().argsort(dim=1, stable=True)[:, T - int(lengths.max()) :]
    prompts, real = input_ids.long().gather(1, order), real.gather(1, order)
    prompts = prompts.masked_fill(~real, CharTokenizer.pad_id)
    few = B <= _FEW_PROMPTS
    read_all = _read_at_once if few else _read_by_length
    with cpu.as_by_default() if few else nullcontext():
        for read in _together(read_all(model, prompts, real)):
            asked = prompts[read.rows, -int(lengths[read.rows].max()) :]
            said = _continue(model, read, asked, max_new_tokens, eos_id, pad_id, pick)
            new[read.rows, : said.size(1)] = said
            n_new = max(n_new, said.size(1))
    model.train(was_training)
    return torch.cat((input_ids, new[:, :n_new]), dim=1)


def _read_at_once(model: Decoder, prompts: Tensor, real: Tensor) -> Iterator[ReadPrompts]:
    """Read prompts, (B, T), padded on the left, in one pass."""
    B, T = prompts.shape
    starts = None if real.all() else T - real.sum(1)
    caches = [KVCache(starts) for _ in model.blocks]
    positions = model.position_ids(prompts, caches[0].real(T))
    last = torch.full((B, 1), T - 1, device=prompts.device)
    hidden = model.hidden(prompts, caches=caches, at=last, positions=positions)
    yield ReadPrompts(torch.arange(B, device=prompts.device), hidden, caches)


def _read_by_length(model: Decoder, prompts: Tensor, real: Tensor) -> Iterator[ReadPrompts]:
    """Read prompts, (B, T), padded on the left; what those of one length begin with, once."""
    lengths = real.sum(1)
    for length in lengths.unique().tolist():
        same = (lengths == length).nonzero()[:, 0]
        for ending in endings(model, prompts[same, -length:], keep=1):
            caches = [KVCache() for _ in model.blocks]
            hidden = finish(model, ending, 1, caches)
            yield ReadPrompts(same[ending.rows], hidden, caches)


def _together(parts: Iterator[ReadPrompts]) -> Iterator[ReadPrompts]:
    """Parts put together until they have some hundred rows."""
    waiting: list[ReadPrompts] = []
    for part in parts:
        waiting.append(part)
        if sum(len(read.rows) for read in waiting) >= _TOGETHER:
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)


def _joined(parts: list[ReadPrompts]) -> ReadPrompts:
    if len(parts) == 1:
        return parts[0]
    rows, hidden, caches = zip(*parts, strict=True)
    of_blocks = [KVCache.joined(each) for each in zip(*caches, strict=True)]
    return ReadPrompts(torch.cat(rows), torch.cat(hidden), of_blocks)


def _continue(
    model: Decoder,
    read: ReadPrompts,
    prompts: Tensor,
    max_new_tokens: int,
    eos_id: int,
    pad_id: int,
    pick: Pick,
) -> Tensor:
    """The tokens after prompts that the model has read: (B, new), padded where rows ended early.

    Args:
        read: its caches are extended.
        prompts: (B, T), padded on the left to the longest.
    """
    T, (_, hidden, caches) = prompts.size(1), read
    rows = F.pad(prompts, (0, max_new_tokens), value=pad_id)
    going = torch.arange(len(rows), device=rows.device)
    for step in range(max_new_tokens):
        so_far = rows[going, : T + step]
        if step:
            # The last token's position depends on those before it.
            position = model.position_ids(so_far, caches[0].real(T + step))[..., -1:]
            hidden = model.hidden(so_far[:, -1:], caches=caches, positions=position)
        token = pick(model.lm_head(hidden[:, -1]), so_far)
        rows[going, T + step] = token
        goes_on = (token != eos_id).nonzero()[:, 0]
        if not len(goes_on):
            return rows[:, T : T + step + 1]
        if len(goes_on) < len(going):
            going, caches = going[goes_on], [KVCache().take(cache, goes_on) for cache in caches]
    return rows[:, T:]
