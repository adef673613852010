"""Which of very many problems a model answers right: quickly, and twice where it is close."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor

from .hardware import coarse_dtype
from .layers import MoELayer
from .models import TransformerLM
from .prefixes import finish
from .scoring import leads

# Logits that an answer must be ahead or behind in the quick pass to be left at that. Rounding to
# bfloat16 moves a trained model's by some tenths, and by 1.5 where it knows little.
CLEAR = 6.0

Leads = Callable[[Tensor], Tensor]


def exact(model: TransformerLM, tokens: Tensor, quick: Leads | None = None) -> Tensor:
    """Which problems greedy decoding answers right.

    Args:
        tokens: as `scoring.leads` takes them, (n, T).
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
    """`scoring.leads` of a model, compiled, in bfloat16 where that is both faster and near enough.

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
