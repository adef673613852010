"""What is cheap to compile is the same function."""

import pytest
import torch
from torch.nn import functional as F

from src.ops.activation import gelu


def test_gelu_is_pytorchs_tanh_form(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.linspace(-30, 30, 10_001, dtype=torch.float64)
    monkeypatch.setattr("torch.compiler.is_compiling", lambda: True)
    torch.testing.assert_close(gelu(x), F.gelu(x, approximate="tanh"))
