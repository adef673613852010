"""The matrix products of a job, alone: what no implementation in this arithmetic can undercut."""

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
# Products of ours: what they do besides is to cut and to allocate.
GROUPED = {"grouped_linear", "grouped_linear_backward"}

Job = Callable[[], Any]


class Products(TorchDispatchMode):
    """Notes every matrix product that runs.

    Attributes:
        calls: counts operator and operands' layouts.
        grouped: operator and operands of the grouped ones.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[tuple[Any, tuple[Any, ...]]] = Counter()
        self.grouped: list[tuple[Any, tuple[Any, ...]]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Note a product, run anything."""
        name = func.overloadpacket.__name__
        if name in PRODUCTS:
            layouts = tuple((a.shape, a.stride(), a.device) for a in args if a is not None)
            self.calls[func, layouts] += 1
        elif name in GROUPED:
            self.grouped.append((func, args))
        return func(*args, **(kwargs or {}))

    def again(self) -> Job:
        """What computes them all once more, from operands made beforehand."""
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
    """The matrix products of a job, as a job."""
    with Products() as products:
        job()
    return products.again()


def products_of_a_step(lit: LitLM, batch: dict[str, Tensor]) -> Job:
    """The matrix products of a training step, forward and backward; leaves no gradients."""

    def step() -> None:
        loss, aux_loss = lit.losses(batch)
        (loss if aux_loss is None else loss + aux_loss).backward()

    products = products_of(step)
    lit.zero_grad()
    return products
