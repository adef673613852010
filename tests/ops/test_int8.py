"""Linear layers in int8 are those of float32 but for rounding."""

import copy

import pytest
import torch
from torch import nn

from src.models import build_model
from src.ops.int8 import Int8Linear, in_int8
from src.tokenizer import CharTokenizer

from ..conftest import ARCHITECTURES, tiny_model


@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_is_the_same_but_for_rounding(bias: bool) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(100, 32, bias=bias)
    x = torch.randn(3, 70, 100)
    coarse = copy.deepcopy(nn.Sequential(layer))
    in_int8(coarse)
    # Of each factor, 1 / 254 and 1 / 128 of the largest number at most.
    error = (coarse(x) - layer(x)).abs().max() / layer(x).abs().max()
    assert 0 < error < 0.02
    # Rows do not depend on each other.
    assert torch.equal(coarse(x)[1, :20], coarse(x[1:2, :20])[0])


def test_nothing_overflows() -> None:
    layer = Int8Linear(344, 128, bias=False)
    nn.init.constant_(layer.weight, 3.0)
    with torch.no_grad():
        assert layer(torch.full((64, 344), 5.0)).sub(344 * 15).abs().max() < 0.01
        assert layer(torch.zeros(64, 344)).eq(0).all()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_model_in_int8_is_the_same_but_for_rounding(name: str) -> None:
    torch.manual_seed(0)
    model = build_model(tiny_model(name)).eval()
    coarse = copy.deepcopy(model)
    in_int8(coarse.blocks)
    layers = {type(m) for m in coarse.blocks.modules() if isinstance(m, nn.Linear)}
    # A mixture's router stays as it is.
    assert layers == {Int8Linear, nn.Linear} if name == "mixtral" else layers == {Int8Linear}
    ids = torch.randint(CharTokenizer.vocab_size, (40, 9))
    at = torch.arange(5, 9).expand(40, -1)
    with torch.no_grad():
        exact, rounded = model(ids, at=at), coarse(ids, at=at)
    error = (rounded - exact).abs().max() / exact.abs().max()
    assert 0 < error < 0.1
