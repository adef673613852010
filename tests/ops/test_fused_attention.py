"""Attention's own operator is PyTorch's kernel, whatever multiplies the other matrices."""

import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from src.ops import cpu
from src.ops.compile import options
from src.ops.fused_attention import fused_attention

from ..conftest import ROOT

HERE = torch.device("cpu")
B, H, T, D = 3, 2, 40, 16
LOOKS = torch.rand(B, 1, T, T, generator=torch.Generator().manual_seed(1)) < 0.7
MASKS = {
    "causal": None,
    "square": torch.ones(T, T, dtype=torch.bool).tril(),
    "rows": LOOKS | torch.eye(T, dtype=torch.bool),
}


def attended(f: Callable[..., Tensor]) -> list[Tensor]:
    """What f gives for the same q, k and v, and their gradients."""
    torch.manual_seed(0)
    # As attention has them: a view of what one product gave.
    qkv = torch.randn(3, B, T, H, D, requires_grad=True)
    y = f(*qkv.transpose(2, 3))
    y.square().sum().backward()
    assert qkv.grad is not None
    return [y.detach(), qkv.grad]


# PyTorch's own, as it compiles.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("mask", MASKS)
def test_it_is_pytorchs_by_default(
    monkeypatch: pytest.MonkeyPatch, mask: str, compiled: bool
) -> None:
    monkeypatch.setattr(cpu, "multiplies_by_onednn", lambda: True)
    seen = MASKS[mask]

    def ours(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return fused_attention(q, k, v, seen)

    def theirs(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=seen, is_causal=seen is None)

    with cpu.as_by_default():
        expected = attended(theirs)
    compiling = torch.compile(ours, dynamic=False, options=options(HERE))
    found = attended(compiling if compiled else ours)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)


def test_products_go_on_as_they_were() -> None:
    cpu.use_well()
    before = cpu.multiplies_by_onednn()
    attended(fused_attention)
    assert cpu.multiplies_by_onednn() == before


def test_dropout_is_pytorchs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "multiplies_by_onednn", lambda: True)
    q, k, v = torch.randn(3, B, H, T, D)
    y = fused_attention(q, k, v, dropout=0.5)
    assert not torch.equal(y, fused_attention(q, k, v, dropout=0.5))


def test_mixed_precision_is_pytorchs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "multiplies_by_onednn", lambda: True)
    q, k, v = torch.randn(3, B, H, T, D)
    with torch.autocast("cpu", torch.bfloat16):
        # Rotated queries and keys are float32, values are what a product gave.
        y = fused_attention(q, k, v.bfloat16())
        expected = F.scaled_dot_product_attention(q, k, v.bfloat16(), is_causal=True)
    assert torch.equal(y, expected)


ASK = """
import sys, torch
from src.models import build_model
from src.ops import cpu
from src.params import load_params

# Operators of our own, on any processor.
cpu.multiplies_by_onednn = lambda: True
ids = torch.ones(2, 20, dtype=torch.long)
with torch.no_grad():
    for config in load_params().models.values():
        model = build_model(config).eval()
        model(ids)
        model.generate(ids, 3, -1)
sys.exit("torch._dynamo" in sys.modules)
"""


def test_nobody_imports_the_compiler_who_asks_a_model() -> None:
    # It takes half a second, of one that an answer takes.
    assert subprocess.run([sys.executable, "-c", ASK], cwd=ROOT, check=False).returncode == 0
