"""Tensors and other values that a checkpoint's file can hold and ours must not."""

from __future__ import annotations

import random
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from . import nested

# Each makes an odd one of a tensor of floats.
_TENSORS: tuple[Callable[[Tensor], Any], ...] = (
    lambda t: t.to(torch.int8),
    lambda t: t.long(),
    lambda t: t.bool(),
    lambda t: t.double(),
    lambda t: t.half(),
    lambda t: t.bfloat16(),
    lambda t: t.to(torch.float8_e4m3fn),
    lambda t: t.to(torch.complex64),
    lambda t: t.to(torch.complex64).conj(),
    lambda t: torch._neg_view(t),
    lambda t: t.to_sparse(),
    lambda t: t.reshape(len(t), -1).to_sparse_csr(),
    lambda t: t.to("meta"),
    lambda t: torch.quantize_per_tensor(t, 0.1, 0, torch.qint8),
    lambda t: torch.quantize_per_channel(
        t, torch.ones(len(t)), torch.zeros(len(t), dtype=torch.long), 0, torch.qint8
    ),
    lambda t: torch.nested.nested_tensor([t, t]),
    # One value under every index; many asked for by few bytes.
    lambda t: t.flatten()[:1].expand(t.shape),
    lambda t: torch.zeros(1).expand(2**16, 2**16),
    lambda t: torch.zeros(1).expand(2**31, 2**31),
    lambda t: torch.empty(2**40, 2**20, device="meta"),
    lambda t: t.flatten().as_strided(t.shape, (1,) * t.ndim),
    lambda t: t.flatten().repeat(2).as_strided(t.shape, t.stride(), 1),
    lambda t: torch.full_like(t, float("nan")),
    lambda t: _one_other(t, float("nan")),
    lambda t: _one_other(t, float("inf")),
    lambda t: t * 1e38,
    lambda t: t.t() if t.ndim == 2 else t[None],
    lambda t: t[..., None],
    lambda t: t.flatten(),
    lambda t: t.flatten()[0],
    lambda t: t[:0],
    lambda t: torch.nn.Parameter(t),
    lambda t: torch.nn.Buffer(t),
    lambda t: t.numpy().tolist(),
    lambda t: t.untyped_storage(),
)
_OTHERS: tuple[Callable[[], Any], ...] = (
    lambda: torch.zeros(2),
    lambda: torch.tensor(1),
    lambda: torch.tensor(float("nan")),
    lambda: torch.float16,
    lambda: torch.device("cpu"),
    lambda: torch.Size([1, 2]),
    lambda: torch.bfloat16,
    lambda: OrderedDict(a=1),
    lambda: Counter("ab"),
    # Of numbers, whose order does not depend on PYTHONHASHSEED.
    lambda: {1, 2},
    lambda: (1, (2,)),
    lambda: b"\x1b[2J",
    lambda: bytearray(b"x"),
    lambda: 1 + 2j,
    lambda: {1: 2, None: 3, (1, 2): 4},
)


def odd(value: Any, chance: random.Random) -> Any:
    """Another value for one in a checkpoint: in place of a tensor, mostly an odd tensor."""
    if isinstance(value, Tensor) and chance.random() < 0.85:
        try:
            return chance.choice(_TENSORS)(value)
        except (RuntimeError, TypeError, NotImplementedError):
            # Not every odd tensor becomes another one.
            return value
    if chance.random() < 0.2:
        return chance.choice(_OTHERS)()
    return nested.plain(value, chance)


def _one_other(tensor: Tensor, value: float) -> Tensor:
    other = tensor.clone()
    other.view(-1)[-1] = value
    return other
