"""Whether torch.compile is to be used: where that pays and can be done."""

from __future__ import annotations

import sys

import torch

from .config import Params

# What compiling takes, ten to twenty seconds on two cores, is won back by so many steps ..
_STEPS = 2000
# .. and by grading so many problems.
_PROBLEMS = 400_000


def compiles_training(params: Params) -> bool:
    """Whether `runtime.compile` and the machine ask for a compiled training step.

    The answer depends on the parameters and the machine, not on how far a run has come: one that
    is resumed computes as it began.
    """
    steps = params.training.max_steps * params.training.accumulate_grad_batches
    return _compiles(params, steps >= _STEPS, "training")


def compiles_grading(params: Params, problems: int) -> bool:
    """Whether they ask for it where so many problems are graded at once."""
    return _compiles(params, problems >= _PROBLEMS, "grading")


def _compiles(params: Params, pays: bool, what: str) -> bool:
    wanted = params.runtime.compile
    return (wanted == "on" or (wanted == "auto" and pays)) and _can_compile(what)


def _can_compile(what: str) -> bool:
    """Try: a compiler may be missing, or the headers that it needs."""
    try:
        torch.compile(lambda x: x + 1)(torch.zeros(2))
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        print(f"runtime.compile: not possible here, {what} without: {reason}", file=sys.stderr)
        return False
    return True
