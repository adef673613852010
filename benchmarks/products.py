"""The matrix products of a job alone: a lower bound on the time of any implementation of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    from src.lightning_module import LitLM

PRODUCTS = {"mm", "addmm", "bmm", "baddbmm", "matmul", "linear"}
# Operators of ours that hardly do more than matrix products: they slice and allocate.
GROUPED = {"grouped_linear", "grouped_linear_backward"}

Job = Callable[[], Any]


class Products(TorchDispatchMode):
    """Records every matrix product that runs while it is active.

    Attributes:
        calls: how often each operator ran with each layout of operands (shape, strides, device).
        grouped: operator and operands of each call of `GROUPED`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[tuple[Any, tuple[Any, ...]]] = Counter()
        self.grouped: list[tuple[Any, tuple[Any, ...]]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Record the operator if it is a matrix product, and run it."""
        name = func.overloadpacket.__name__
        if name in PRODUCTS:
            layouts = tuple((a.shape, a.stride(), a.device) for a in args if a is not None)
            self.calls[func, layouts] += 1
        elif name in GROUPED:
            self.grouped.append((func, args))
        return func(*args, **(kwargs or {}))

    def replay(self) -> Job:
        """A job that computes all recorded products again, on operands allocated beforehand."""
        jobs = [
            (
                func,
                [torch.empty_strided(*at, device=device).normal_() for *at, device in layouts],
                n,
            )
            for (func, layouts), n in self.calls.items()
            if all(0 not in shape for shape, *_ in layouts)
        ]

        def run() -> None:
            with torch.no_grad():
                for func, operands, n in jobs:
                    for _ in range(n):
                        func(*operands)
                for func, arguments in self.grouped:
                    func(*arguments)

        return run


def products_of(job: Job) -> Job:
    """A job that computes only the matrix products of another job, which runs once."""
    with Products() as products:
        job()
    return products.replay()


def products_of_a_step(lit: LitLM, batch: dict[str, Tensor]) -> Job:
    """A job of only the matrix products of a training step, forward and backward."""

    def step() -> None:
        loss, aux_loss = lit.losses(batch)
        (loss if aux_loss is None else loss + aux_loss).backward()

    products = products_of(step)
    lit.zero_grad()
    return products
