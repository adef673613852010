"""Which of very many problems a model answers right: quickly, and twice where it is close."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor

from ..layers import MoELayer
from ..models import TransformerLM
from ..ops.hardware import coarse_dtype
from ..ops.kv_cache import KVCache
from ..ops.prefix_sharing import endings, finish
from ..tokenizer import CharTokenizer

# Logits that an answer must be ahead or behind in the quick pass to be left at that. Rounding to
# bfloat16 moves a trained model's by some tenths, and by 1.5 where it knows little.
CLEAR = 6.0

Leads = Callable[[Tensor], Tensor]


@torch.inference_mode()
def leads(model: TransformerLM, tokens: Tensor, finish: Callable[..., Tensor] = finish) -> Tensor:
    """By how much each problem's answer is ahead, where it is so by the least.

    The logit of a true token less the largest other one, the minimum over the answer: greedy
    decoding gives the whole answer where that is above 0. Problems of equal lengths run together,
    and what begins alike runs once.

    Args:
        tokens: (n, T), ``<bos>554+456=1010<eos>`` padded on the right, on the model's device.
        finish: `prefix_sharing.finish`, or the same compiled.

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


def exact(model: TransformerLM, tokens: Tensor, quick: Leads | None = None) -> Tensor:
    """Which problems greedy decoding answers right.

    Args:
        tokens: as `leads` takes them, (n, T).
        quick: what `quick_leads` returns. Problems whose answer it does not find clearly ahead or
            behind are done again by the model itself; all are, if they show that it is off by
            more than half of what counts as clear.

    Returns:
        bool (n,).
    """
    if quick is None:
        return leads(model, tokens) > 0
    lead = quick(tokens)
    # What is not a number is not clear.
    close = ~(lead.abs() >= CLEAR)
    if close.any():
        again = leads(model, tokens[close])
        if not (again - lead[close]).abs().max() <= CLEAR / 2:
            return leads(model, tokens) > 0
        lead = lead.masked_scatter(close, again)
    return lead > 0


def quick_leads(model: TransformerLM) -> Leads:
    """`leads` of a model, compiled, in bfloat16 where that is both faster and near enough.

    Compiling takes some ten seconds, at the first call.
    """
    coarse = copy.deepcopy(model)
    if not _routes(model):
        coarse.to(coarse_dtype(next(model.parameters()).device))
    compiled = torch.compile(finish, dynamic=True)
    return lambda tokens: leads(coarse, tokens, compiled)


def _routes(model: TransformerLM) -> bool:
    """Whether rounding may send a token to another expert, and the answer anywhere."""
    return any(isinstance(module, MoELayer) for module in model.modules())
