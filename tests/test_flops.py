"""The cost of training is what PyTorch counts, and what is published."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from src.flops import training_flops
from src.models import build_model

from .conftest import ARCHITECTURES, tiny_model


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_matrix_products_are_those_that_pytorch_counts(name: str) -> None:
    # As wide as it is deep: the CPU's attention kernel, which PyTorch does not count, is small.
    model = build_model(tiny_model(name, d_model=256, d_ff=512))
    input_ids = torch.randint(3, 18, (4, 8))
    with FlopCounterMode(display=False) as counter:
        model(input_ids).sum().backward()
    # The first layer needs no gradient of its input: an embedding is looked up.
    assert counter.get_total_flops() == pytest.approx(4 * training_flops(model, 8), rel=0.02)


def test_a_mixture_costs_what_its_active_experts_cost() -> None:
    one = build_model(tiny_model("mixtral", n_experts=2, top_k=1))
    more = build_model(tiny_model("mixtral", n_experts=8, top_k=1))
    routers = 6 * 2 * 32 * (8 - 2)  # two layers, a router of C rows
    assert training_flops(more, 1) - training_flops(one, 1) == routers
