"""Weights of our models to Hugging Face's tensors and back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from ..common.errors import UserError
from ..common.findings import shown
from ..config import ModelConfig
from ..proof.tensors import check_tensors, expected_weights
from .config import layout_of
from .layouts import Layout

Weights = dict[str, Tensor]

# Masks and frequencies that older releases saved, although they are computed.
_COMPUTED = re.compile(r".*\.(attn\.(masked_)?bias|rotary_emb\.inv_freq)")


def _their_names(ours: str, layout: Layout) -> tuple[str, ...]:
    """Their tensors for one of ours, such as q, k and v for blocks.0.attention.qkv.weight."""
    module, _, kind = ours.rpartition(".")
    numbers = re.findall(r"\d+", module)
    theirs = layout.modules[re.sub(r"\d+", "{}", module)]
    return tuple(f"{name.format(*numbers)}.{kind}" for name in theirs)


def _oriented(tensor: Tensor, ours: str, layout: Layout) -> Tensor:
    """One of our matrices in their orientation, or one of theirs in ours."""
    transposed = layout.transposed and ours.startswith("blocks.") and tensor.ndim == 2
    return tensor.t() if transposed else tensor


def _correspondence(
    weights: Mapping[str, Tensor], config: ModelConfig
) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Name of each of our weights, with the tensors that hold it there.

    A tied head is left out, as save_pretrained does: the reader takes the embeddings for it.
    """
    layout = layout_of(config)
    for ours, tensor in weights.items():
        if ours != "lm_head.weight" or not config.tie_weights:
            names = _their_names(ours, layout)
            parts = zip(names, tensor.chunk(len(names)), strict=True)
            yield ours, {name: _oriented(part, ours, layout) for name, part in parts}


def to_tensors(weights: Mapping[str, Tensor], config: ModelConfig) -> Weights:
    """The tensors of model.safetensors.

    Args:
        weights: state dict of a model of this configuration.

    Raises:
        UserError: see `layout_of`.
    """
    if config.positions == "none":
        # GPT-2's class has a table of positions in any case.
        zeros = torch.zeros(config.max_seq_len, config.d_model)
        weights = {**weights, "position_embedding.weight": zeros}
    return {
        name: part.clone(memory_format=torch.contiguous_format)
        for _, parts in _correspondence(weights, config)
        for name, part in parts.items()
    }


def from_tensors(theirs: Mapping[str, Tensor], config: ModelConfig) -> Weights:
    """The state dict of our model with the weights of model.safetensors.

    Half precision becomes float32, which represents it exactly.

    Args:
        theirs: the tensors of model.safetensors.

    Raises:
        UserError: naming a tensor that is missing, unknown, of the wrong shape or type, or holds
            what is no finite number.
    """
    layout = layout_of(config)
    expected = expected_weights(config, theirs)
    (prefix,) = {name.partition(".")[0] for name in layout.modules["token_embedding"]}
    heads = ("lm_head.", f"{prefix}.")
    # Names have no prefix where the class without a head was saved, as with OpenAI's GPT-2.
    rest = {
        name if name.startswith(heads) else f"{prefix}.{name}": tensor
        for name, tensor in theirs.items()
        if not _COMPUTED.fullmatch(f".{name}")
    }
    tied = rest.pop("lm_head.weight", None) if config.tie_weights else None
    weights: Weights = {}
    for ours, parts in _correspondence(expected, config):
        for name, part in parts.items():
            _check_tensor(name, rest.get(name), part.shape)
        weights[ours] = torch.cat([_oriented(rest.pop(n), ours, layout).float() for n in parts])
    if rest:
        raise UserError(f"{shown(min(rest))[1:-1]}: our models have no such tensor")
    if config.tie_weights:
        weights["lm_head.weight"] = weights["token_embedding.weight"]
        if tied is not None and not torch.equal(tied.float(), weights["lm_head.weight"]):
            raise UserError("lm_head.weight: not the embeddings, although tie_word_embeddings")
    return weights


def _check_tensor(name: str, tensor: Tensor | None, shape: torch.Size) -> None:
    if tensor is None:
        raise UserError(f"{name}: missing")
    if tensor.shape != shape:
        raise UserError(f"{name}: {tuple(tensor.shape)}, by config.json {tuple(shape)}")
    check_tensors({name: tensor})
