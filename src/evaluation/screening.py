"""Exact match of very many problems: a quick pass, and a second one where that is close."""

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

# Lead, in logits, above which the quick pass alone decides. Rounding to bfloat16 changes the leads
# of a trained model by some tenths, and by up to 1.5 on problems that it cannot do.
CLEAR = 6.0

Leads = Callable[[Tensor], Tensor]


@torch.inference_mode()
def leads(model: TransformerLM, tokens: Tensor, finish: Callable[..., Tensor] = finish) -> Tensor:
    """The smallest lead of a true token over the others in each problem's answer.

    The logit of the true token minus the largest other logit, the minimum over the answer: greedy
    decoding gives the whole answer where it is above 0. Problems of equal lengths run together, and
    common prefixes run once.

    Args:
        tokens: (n, T), ``<bos>554+456=1010<eos>`` padded on the right, on the model's device.
        finish: `prefix_sharing.finish`, compiled or not.

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
        quick: the function that `quick_leads` returns. Problems without a clear lead are graded
            again by the model itself; all are, if these show an error of more than CLEAR / 2.

    Returns:
        bool (n,).
    """
    if quick is None:
        return leads(model, tokens) > 0
    lead = quick(tokens)
    # NaN is not clear.
    close = ~(lead.abs() >= CLEAR)
    if close.any():
        again = leads(model, tokens[close])
        if not (again - lead[close]).abs().max() <= CLEAR / 2:
            return leads(model, tokens) > 0
        lead = lead.masked_scatter(close, again)
    return lead > 0


def quick_leads(model: TransformerLM) -> Leads:
    """`leads` of a model, compiled, in bfloat16 where that is faster and accurate enough.

    Compiling takes some ten seconds, at the first call.
    """
    coarse = copy.deepcopy(model)
    if not _routes(model):
        coarse.to(coarse_dtype(next(model.parameters()).device))
    compiled = torch.compile(finish, dynamic=True)
    return lambda tokens: leads(coarse, tokens, compiled)


def _routes(model: TransformerLM) -> bool:
    """Whether the model has experts: rounding may route a token to another one."""
    return any(isinstance(module, MoELayer) for module in model.modules())
