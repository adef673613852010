"""What a model still adds right without one head or one expert, by the number of carries.

A head's output is replaced by its mean over the sums, at each token its own. An expert is switched
off in two ways. *Silent*: its part of the layer's output is left out, and the other experts'
weights stay as they are, not renormalised. *Rerouted*: the router cannot choose it, the next likely
one serves in its place, and the weights of those chosen sum to 1 as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..layers import MoELayer, SwiGLUMLP
from ..models import TransformerLM
from .recording import Recording, attentions, heads_reader, logits_of, part_of, replaced
from .sums import Sums

# What is switched off, for each kind of sums.
Switch = Callable[[Recording], AbstractContextManager[None]]


def right(model: TransformerLM, sums: Sums) -> NDArray[np.bool_]:
    """Which whole answers are right, to the end, each token given the true ones before it: (n,).

    An answer is right exactly where greedy decoding gets it right: up to the first wrong token,
    what was said before is the true answer.
    """
    begin = sums.column("=")
    said = logits_of(model, sums.tokens)[:, begin:-1].argmax(-1)
    return (said == sums.tokens[:, begin + 1 :]).all(1).numpy()


def ablations(model: TransformerLM, parts: Sequence[tuple[Sums, Recording]]) -> pd.DataFrame:
    """Exact match without each head and each expert.

    Args:
        parts: sums of one length of the answer each, and a pass over them.

    Returns:
        Columns layer, part (nothing, head or expert), number, how (none, mean, silent or rerouted),
        answer_digits, carries (columns that carry), problems and exact_match.
    """
    rows = []
    for name, switch in _switches(model):
        for sums, recording in parts:
            with switch(recording):
                hits = right(model, sums)
            carries = sums.carries.sum(1)
            for n in np.unique(carries).tolist():
                asked = hits[carries == n]
                shown = {"answer_digits": sums.answer_digits, "carries": n}
                result = {"problems": len(asked), "exact_match": asked.mean()}
                rows.append({**name, **shown, **result})
    return pd.DataFrame(rows).astype({"layer": "Int64", "number": "Int64"})


def _switches(model: TransformerLM) -> Iterator[tuple[dict[str, object], Switch]]:
    yield {"layer": None, "part": "nothing", "number": None, "how": "none"}, _always(nullcontext)
    for layer, attention in enumerate(attentions(model)):
        for head in range(attention.n_heads):
            name = {"layer": layer, "part": "head", "number": head, "how": "mean"}
            yield name, without_head(model, layer, head)
    for layer, block in enumerate(model.blocks):
        if isinstance(block.mlp, MoELayer):
            yield from _expert_switches(layer, block.mlp)


def _expert_switches(layer: int, moe: MoELayer) -> Iterator[tuple[dict[str, object], Switch]]:
    for number, expert in enumerate(moe.experts):
        name = {"layer": layer, "part": "expert", "number": number}
        yield {**name, "how": "silent"}, _always(partial(silent, expert))
        # A single one has nobody in its place.
        if len(moe.experts) > 1:
            yield {**name, "how": "rerouted"}, _always(partial(rerouted, moe, number))


def _always(switched: Callable[[], AbstractContextManager[None]]) -> Switch:
    return lambda recording: switched()


def without_head(model: TransformerLM, layer: int, head: int) -> Switch:
    """A head's output becomes its mean over a recording's rows."""
    place = part_of(model, head)

    def switch(recording: Recording) -> AbstractContextManager[None]:
        mean = recording.heads[layer][..., place].mean(0)  # (T, D)

        def change(y: Tensor) -> Tensor:
            y = y.clone()
            y[..., place] = mean
            return y

        return replaced(heads_reader(model, layer), change)

    return switch


@contextmanager
def silent(expert: nn.Module) -> Iterator[None]:
    """While the block lasts, an expert's output is 0."""
    assert isinstance(expert, SwiGLUMLP)
    # `ops.experts.mix` multiplies by the experts' weights: no hook on an expert is called.
    weight = expert.down.weight
    kept = weight.data
    weight.data = torch.zeros_like(kept)
    try:
        yield
    finally:
        weight.data = kept


@contextmanager
def rerouted(moe: MoELayer, number: int) -> Iterator[None]:
    """While the block lasts, a layer's router gives an expert the probability 0."""

    def hook(module: nn.Module, inputs: object, logits: Tensor) -> Tensor:
        return logits.index_fill(-1, torch.tensor([number]), -torch.inf)

    handle = moe.router.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
