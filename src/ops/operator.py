"""Operators of our own, which a compiler takes as they are and does not look into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch._ops import OpOverload

Function = Callable[..., Any]


def operator(
    name: str, fake: Function, tags: Sequence[torch.Tag] = ()
) -> Callable[[Function], OpOverload[..., Any]]:
    """Decorator that makes an operator of a function on tensors, which changes none of them.

    As `torch.library.custom_op` does, but for its guard against compilers, which imports PyTorch's
    own one with the first call: half a second of each command.

    Args:
        name: of the operator.
        fake: the function's result but for its content, from arguments without content.
        tags: what PyTorch should know of it.
    """
    qualified = f"mini_language_models::{name}"

    def define(function: Function) -> OpOverload[..., Any]:
        schema = torch.library.infer_schema(function, mutates_args=())
        torch.library.define(qualified, schema, tags=tuple(tags))
        torch.library.impl(qualified, "CompositeExplicitAutograd", function)
        torch.library.register_fake(qualified, fake)
        overload: OpOverload[..., Any] = getattr(torch.ops.mini_language_models, name).default
        return overload

    return define
