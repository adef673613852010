"""Passes of a model whose insides are read or replaced, by hooks from outside.

The residual stream has a level before each block and one behind the last: level 0 are the
embeddings, level l is what l blocks have made of them. A head's output is its part of what the
attention's last projection reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..attention import CausalSelfAttention
from ..models import TransformerLM

# Rows that a model reads at once: few enough that what they leave stays in the processor's cache.
_ROWS = 256


@contextmanager
def replaced(module: nn.Module, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """While the block lasts, a module reads something else.

    Args:
        change: its first input -> what it reads instead; the same tensor: nothing is replaced.
    """

    def hook(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return (change(inputs[0]), *inputs[1:])

    handle = module.register_forward_pre_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def reader(model: TransformerLM, level: int) -> nn.Module:
    """The module that reads the residual stream at a level: a block, or the last norm."""
    return model.blocks[level] if level < len(model.blocks) else model.norm


def attentions(model: TransformerLM) -> list[CausalSelfAttention]:
    """The attention of each layer."""
    return [module for module in model.modules() if isinstance(module, CausalSelfAttention)]


def heads_reader(model: TransformerLM, layer: int) -> nn.Module:
    """The module that reads the outputs of a layer's heads, side by side."""
    return attentions(model)[layer].out


def part_of(model: TransformerLM, head: int) -> slice:
    """Where a head's output is in what `heads_reader` reads."""
    D = model.token_embedding.embedding_dim // attentions(model)[0].n_heads
    return slice(head * D, (head + 1) * D)


@torch.inference_mode()
def logits_of(model: TransformerLM, tokens: Tensor) -> Tensor:
    """Logits of the next token at each position, (n, T, V), for rows (n, T)."""
    return torch.cat([model(rows) for rows in tokens.split(_ROWS)])


@dataclass(frozen=True)
class Recording:
    """What a pass left.

    Attributes:
        residual: (levels, n, T, C).
        heads: outputs of the heads, (layers, n, T, C).
        attention: mean attention weights over the rows, (layers, H, T, T).
        logits: (n, T, V).
    """

    residual: Tensor
    heads: Tensor
    attention: Tensor
    logits: Tensor


@torch.inference_mode()
def record(model: TransformerLM, tokens: Tensor) -> Recording:
    """A pass over rows (n, T), and all that is explained of it."""
    layers = range(len(model.blocks))
    residual: list[list[Tensor]] = [[] for _ in range(len(layers) + 1)]
    heads: list[list[Tensor]] = [[] for _ in layers]
    weights: list[list[Tensor]] = [[] for _ in layers]

    def keep(place: list[Tensor]) -> Callable[[Tensor], Tensor]:
        def look(x: Tensor) -> Tensor:
            place.append(x)
            return x

        return look

    def attend(layer: int) -> Callable[..., None]:
        def look(module: Any, inputs: tuple[Any, ...]) -> None:
            weights[layer].append(module.weights(*inputs[:2]).sum(0))

        return look

    with ExitStack() as stack:
        for level, place in enumerate(residual):
            stack.enter_context(replaced(reader(model, level), keep(place)))
        for layer, attention in enumerate(attentions(model)):
            stack.enter_context(replaced(attention.out, keep(heads[layer])))
            stack.callback(attention.register_forward_pre_hook(attend(layer)).remove)
        logits = logits_of(model, tokens)
    return Recording(
        torch.stack([torch.cat(each) for each in residual]),
        torch.stack([torch.cat(each) for each in heads]),
        torch.stack([sum(each[1:], each[0]) for each in weights]) / len(tokens),
        logits,
    )
