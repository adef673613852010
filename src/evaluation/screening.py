"""Exact match of very many problems: a quick pass, and a second one where that is close."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor

from ..models import TransformerLM
from ..ops.compile import options
from ..ops.hardware import coarse_dtype, multiplies_int8
from ..ops.int8 import in_int8
from ..ops.kv_cache import KVCache
from ..ops.prefix_sharing import endings, finish
from ..tokenizer import CharTokenizer

# Lead, in logits, above which the quick pass alone decides. Rounding to bfloat16 changes the leads
# of a trained model by some tenths, and by up to 1.5 on problems that it cannot do.
CLEAR = 6.0
# Of more leads below it than these, the smallest show how far rounding goes: so many times their
# largest error is then clear enough. Of a model that is unsure of everything, that is very little.
_SAMPLE, _TIMES = 1024, 8


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


@torch.inference_mode()
def exact(model: TransformerLM, tokens: Tensor, quick: QuickLeads | None = None) -> Tensor:
    """Which problems greedy decoding answers right.

    Args:
        tokens: as `leads` takes them, (n, T).
        quick: the same model's. Problems without a clear lead are graded again by the model itself,
            from the smallest lead on: those below CLEAR, or as many as the errors so found leave in
            doubt. If one is more than CLEAR / 2, all are, and later problems are computed exactly.

    Returns:
        bool (n,).
    """
    if quick is None:
        return leads(model, tokens) > 0
    lead = quick(tokens)
    # NaN is not clear.
    size, order = lead.abs().nan_to_num(nan=0.0).sort()
    below = int((size < CLEAR).sum())
    error, done, wanted = 0.0, 0, min(below, _SAMPLE)
    while done < wanted:
        rows = order[done:wanted]
        again = leads(model, tokens[rows])
        error = max(error, float((again - lead[rows]).abs().nan_to_num(nan=torch.inf).max()))
        if error > CLEAR / 2:
            quick.stay_exact()
            return leads(model, tokens) > 0
        lead[rows] = again
        done, wanted = wanted, min(below, int((size < _TIMES * error).sum()))
    return lead > 0


class QuickLeads:
    """`leads` of a model, compiled, and as coarse as the hardware multiplies fastest.

    That is bfloat16, or on other CPUs int8 in linear layers. Compiling takes some ten seconds, at
    the first call.
    """

    def __init__(self, model: TransformerLM) -> None:
        self._exact, self._coarse = model, copy.deepcopy(model)
        device = next(model.parameters()).device
        dtype = coarse_dtype(device)
        self._coarse.to(dtype)
        if dtype == torch.float32 and multiplies_int8(device):
            in_int8(self._coarse.blocks)
        self._finish = torch.compile(finish, dynamic=True, options=options(device))

    def __call__(self, tokens: Tensor) -> Tensor:
        """The leads, (n,), of tokens as `leads` takes them."""
        return leads(self._coarse, tokens, self._finish)

    def stay_exact(self) -> None:
        """Compute in the model's own precision from now on."""
        self._coarse = self._exact
