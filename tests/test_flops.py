"""The cost of training is what PyTorch counts, and what is published."""

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from src.models import build_model
from src.utils import training_flops

from .conftest import ARCHITECTURES, tiny_model


def grouped(x: torch.Size, weights: Any, counts: torch.Size, **_: Any) -> int:
    return int(2 * x.numel() * weights[0][0])


def grouped_backward(grad: torch.Size, x: torch.Size, *_: Any, **__: Any) -> int:
    return 4 * grad.numel() * x[-1]


OURS = torch.ops.mini_language_models


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_matrix_products_are_those_that_pytorch_counts(name: str) -> None:
    # As wide as it is deep: the CPU's attention kernel, which PyTorch does not count, is small.
    model = build_model(tiny_model(name, d_model=256, d_ff=512))
    input_ids = torch.randint(3, 18, (4, 8))
    formulas = {OURS.grouped_linear: grouped, OURS.grouped_linear_backward: grouped_backward}
    with FlopCounterMode(display=False, custom_mapping=formulas) as counter:
        model(input_ids, at=torch.tensor([[3, 4, 7]]).expand(4, -1)).sum().backward()
    # The first layer needs no gradient of its input: an embedding is looked up.
    counted, computed = counter.get_total_flops(), 4 * training_flops(model, 8, 3)
    assert counted == pytest.approx(computed, rel=0.02)


def test_a_mixture_costs_what_its_active_experts_cost() -> None:
    one = build_model(tiny_model("mixtral", n_experts=2, top_k=1))
    more = build_model(tiny_model("mixtral", n_experts=8, top_k=1))
    routers = 6 * 2 * 32 * (8 - 2)  # two layers, a router of C rows
    assert training_flops(more, 1, 1) - training_flops(one, 1, 1) == routers
