"""A mixture in which each expert runs once is the plain sum over the chosen experts."""

import pytest
import torch
from torch import nn

from src.layers import SwiGLUMLP
from src.ops.experts import mix


@pytest.mark.parametrize("exporting", [False, True])
def test_mix_is_the_weighted_sum_of_the_chosen(
    exporting: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    B, T, C, E, K = 2, 5, 8, 4, 2
    experts = nn.ModuleList(SwiGLUMLP(C, 12) for _ in range(E))
    x, weights = torch.randn(B, T, C, requires_grad=True), torch.rand(B, T, K)
    # The last expert has nothing to do.
    chosen = torch.rand(B, T, E - 1).topk(K).indices
    rows = []
    for b in range(B):
        for t in range(T):
            served = [weights[b, t, k] * experts[int(chosen[b, t, k])](x[b, t]) for k in range(K)]
            rows.append(torch.stack(served).sum(0))
    expected = torch.stack(rows).view(B, T, C)
    monkeypatch.setattr("torch.compiler.is_exporting", lambda: exporting)
    y = mix(x, experts, weights, chosen)
    torch.testing.assert_close(y, expected)
    parameters = [x, *experts[:-1].parameters()]
    ours = torch.autograd.grad(y.square().sum(), parameters)
    plain = torch.autograd.grad(expected.square().sum(), parameters)
    torch.testing.assert_close(ours, plain)
