"""Compile a model's blocks with torch.compile, where that pays and can be done."""

from __future__ import annotations

import sys

import torch

from .config import Params
from .models import TransformerLM

# Optimizer steps after which compiling has paid for itself: ten seconds or so on two cores, which
# a compiled step wins back at some milliseconds each.
_PAYS_AFTER = 2000


def compiles(params: Params) -> bool:
    """Whether `runtime.compile` and the machine ask for a compiled training step.

    The answer depends on the parameters and the machine, not on how far a run has come: one that
    is resumed computes as it began.
    """
    wanted = params.runtime.compile
    if wanted == "auto":
        steps = params.training.max_steps * params.training.accumulate_grad_batches
        wanted = "on" if steps >= _PAYS_AFTER else "off"
    return wanted == "on" and _can_compile()


def compile_blocks(model: TransformerLM) -> None:
    """Compile block by block: all but the last are the same code, and are compiled once.

    The model as a whole would take three times as long to compile, for steps a few percent faster.
    """
    for block in model.blocks:
        block.compile(dynamic=False)


def _can_compile() -> bool:
    """Try: a compiler may be missing, or the headers that it needs."""
    try:
        torch.compile(lambda x: x + 1)(torch.zeros(2))
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        print(f"runtime.compile: not possible here, training without: {reason}", file=sys.stderr)
        return False
    return True
