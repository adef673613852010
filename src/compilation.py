"""Compile a model's training step with torch.compile, where that pays and can be done."""

from __future__ import annotations

import sys

import torch

from .config import Params

# Optimizer steps after which compiling has paid for itself: half a minute to a minute on two
# cores, which a compiled step wins back at some ten milliseconds each.
_PAYS_AFTER = 4000


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


def _can_compile() -> bool:
    """Try: a compiler may be missing, or the headers that it needs."""
    try:
        torch.compile(lambda x: x + 1)(torch.zeros(2))
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        print(f"runtime.compile: not possible here, training without: {reason}", file=sys.stderr)
        return False
    return True
