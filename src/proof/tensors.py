"""Weights from a file: plain tensors of finite numbers, as many as the model has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..common.errors import UserError
from ..common.findings import shown
from ..config import ModelConfig
from ..models import build_model

# Types whose numbers float32 represents exactly.
FLOATS = (torch.float32, torch.float16, torch.bfloat16)


def check_tensors(weights: Any) -> None:
    """Check that weights are plain tensors of finite numbers, each stored in the file as a whole.

    Args:
        weights: by name; anything that a file held.

    Raises:
        UserError: naming the first that is none.
    """
    if not isinstance(weights, Mapping):
        raise UserError("holds no weights by name")
    for name, tensor in weights.items():
        if not isinstance(name, str) or not name.isprintable():
            raise UserError(f"{shown(name)} is no name of weights")
        if wrong := _fault(tensor):
            raise UserError(f"{name}: {wrong}")


def _fault(tensor: object) -> str:
    """What is wrong with one of the weights; empty if nothing is."""
    if not isinstance(tensor, Tensor):
        return f"a {type(tensor).__name__}, must be a tensor"
    if tensor.is_nested or tensor.is_neg():
        return "several tensors in one, or the negative of one, must be a plain tensor"
    if tensor.layout != torch.strided:
        return f"{tensor.layout}, must be torch.strided"
    if tensor.dtype not in FLOATS:
        return f"{tensor.dtype}, must be one of {', '.join(map(str, FLOATS))}"
    if tensor.device.type != "cpu":
        return f"is of the device {tensor.device}, with no numbers in the file"
    repeats = any(n > 1 and not step for n, step in zip(tensor.shape, tensor.stride(), strict=True))
    if repeats or _stored(tensor) < tensor.numel() * tensor.element_size():
        return f"{tuple(tensor.shape)}, of which the file holds only a part"
    if not tensor.isfinite().all():
        return "holds numbers that are not finite"
    return ""


def check_fit(weights: Mapping[str, Tensor], config: ModelConfig) -> None:
    """Check that weights are those of a model, before it is built.

    Args:
        weights: see `check_tensors`; the state dict of a `TransformerLM`.

    Raises:
        UserError: naming one that is missing, unknown, or of another shape.
    """
    expected = expected_weights(config, weights)
    for name, tensor in expected.items():
        if name not in weights:
            raise UserError(f"the weights do not fit the configuration: {name} is missing")
        if weights[name].shape != tensor.shape:
            shapes = f"{tuple(weights[name].shape)}, by the configuration {tuple(tensor.shape)}"
            raise UserError(f"the weights do not fit the configuration: {name} is {shapes}")
    if unknown := weights.keys() - expected.keys():
        raise UserError(f"the weights do not fit the configuration: {min(unknown)} is unknown")
    alike: dict[int, str] = {}
    for name, tensor in expected.items():
        other = alike.setdefault(id(tensor), name)
        if not torch.equal(weights[name], weights[other]):
            raise UserError(f"{name}: not the numbers of {other}, although the model ties them")
    # Tied weights may share their numbers; others that do would take more room when built.
    needed = {id(tensor): tensor.numel() for tensor in expected.values()}
    stored = {
        w.untyped_storage().data_ptr(): _stored(w) // w.element_size() for w in weights.values()
    }
    if sum(stored.values()) < sum(needed.values()):
        raise UserError("the weights do not fit the configuration: several are stored as one")


def expected_weights(config: ModelConfig, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict that a configuration means, in no more memory than a file's weights take.

    Args:
        weights: what the file holds.

    Raises:
        UserError: for more layers or experts than tensors, which would take minutes to list.
    """
    L, C, F = config.n_layers, config.d_model, config.d_ff
    modules = L * (config.n_experts if config.mlp == "moe" else 1)
    if modules > len(weights):
        raise UserError(
            f"the weights do not fit the configuration: {modules} blocks or experts, "
            f"but {len(weights)} tensors"
        )
    # Attention, MLPs and a table of positions: hardly any model has less. To build one without
    # memory, PyTorch imports its compiler, which takes a second: only where the file is too small.
    fewest = 4 * L * C * C + 2 * modules * C * F + C * config.max_seq_len
    fits = fewest <= sum(tensor.numel() for tensor in weights.values())
    with torch.device("cpu" if fits else "meta"):
        return dict(build_model(config).state_dict(keep_vars=True))


def _stored(tensor: Tensor) -> int:
    """Bytes of the storage behind a tensor."""
    return tensor.untyped_storage().nbytes()
