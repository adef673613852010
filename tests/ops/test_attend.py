"""Attention's fast forms are the plain formula."""

import pytest
import torch
from torch import Tensor, nn

from src.ops.attend import attend, pick, project

B, H, T, D = 3, 2, 7, 4


def plain(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """The formula, a query at a time; mask: (B, T, S)."""
    y = torch.zeros_like(q)
    for b in range(B):
        for h in range(H):
            for t in range(q.size(2)):
                seen = mask[b, t]
                scores = k[b, h, seen] @ q[b, h, t] / D**0.5
                y[b, h, t] = scores.softmax(0) @ v[b, h, seen]
    return y


@pytest.mark.parametrize("few", [False, True])
@pytest.mark.parametrize("some", [False, True])
@pytest.mark.parametrize("kind", ["causal", "square", "rows"])
def test_attend_is_the_formula(few: bool, some: bool, kind: str) -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, B, H, T, D, dtype=torch.float64)
    looks = torch.ones(B, T, T, dtype=torch.bool).tril()
    mask = None
    if kind == "square":
        looks = looks & (torch.rand(T, T) < 0.7) | torch.eye(T, dtype=torch.bool)
        mask = looks[0]
    elif kind == "rows":
        looks = looks & (torch.rand(B, T, T) < 0.7) | torch.eye(T, dtype=torch.bool)
        mask = looks[:, None]
    at = torch.tensor([[1, 5], [0, 6], [3, 3]]) if some else None
    if at is not None:
        q = torch.stack([q[b][:, at[b]] for b in range(B)])
        looks = torch.stack([looks[b][at[b]] for b in range(B)])
    torch.testing.assert_close(attend(q, k, v, mask, at, few=few), plain(q, k, v, looks))


@pytest.mark.parametrize("bias", [False, True])
def test_queries_of_some_places_are_those_of_all(bias: bool) -> None:
    torch.manual_seed(0)
    qkv, x = nn.Linear(8, 24, bias=bias), torch.randn(B, T, 8)
    at = torch.tensor([[1, 5], [0, 6], [3, 3]])
    q, k, v = qkv(x).chunk(3, -1)
    for found, expected in zip(project(qkv, x, at), (pick(q, at), k, v), strict=True):
        torch.testing.assert_close(found, expected)
