"""Norms and MLPs equal their formulas; the mixture of experts equals its definition."""

import math

import pytest
import torch
from torch import Tensor

from src.layers import GELUMLP, MoELayer, RMSNorm, Routing, SwiGLUMLP


def test_rmsnorm_equals_its_formula() -> None:
    norm, x = RMSNorm(8), torch.randn(3, 8)
    norm.weight.data = torch.randn(8)
    expected = x / (x.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() * norm.weight
    torch.testing.assert_close(norm(x), expected)


def test_gelu_mlp_has_biases_and_the_tanh_form() -> None:
    mlp, x = GELUMLP(8, 16), torch.randn(3, 8)
    h = x @ mlp.up.weight.t() + mlp.up.bias
    tanh = (math.sqrt(2 / math.pi) * (h + 0.044715 * h**3)).tanh()
    expected = (0.5 * h * (1 + tanh)) @ mlp.down.weight.t() + mlp.down.bias
    torch.testing.assert_close(mlp(x), expected)


def test_swiglu_equals_its_formula() -> None:
    mlp, x = SwiGLUMLP(8, 16), torch.randn(3, 8)
    gate = x @ mlp.gate.weight.t()
    expected = (gate * gate.sigmoid() * (x @ mlp.up.weight.t())) @ mlp.down.weight.t()
    torch.testing.assert_close(mlp(x), expected)


def token_by_token(layer: MoELayer, x: Tensor) -> Tensor:
    """The definition, a loop over tokens and experts."""
    rows = []
    for token in x.flatten(0, 1):
        weights, chosen = layer.router(token).softmax(-1).topk(layer.top_k)
        weights = weights / weights.sum()
        rows.append(
            sum(w * layer.experts[int(e)](token) for w, e in zip(weights, chosen, strict=True))
        )
    return torch.stack(rows).view_as(x)


@pytest.mark.parametrize(("n_experts", "top_k"), [(4, 2), (4, 1), (3, 3), (5, 4)])
def test_moe_equals_its_definition_token_by_token(n_experts: int, top_k: int) -> None:
    torch.manual_seed(1)
    layer, x = MoELayer(8, 12, n_experts, top_k), torch.randn(3, 7, 8)
    torch.testing.assert_close(layer(x), token_by_token(layer, x))


def test_a_bias_decides_who_serves_and_not_with_which_weight() -> None:
    torch.manual_seed(1)
    layer, x = MoELayer(8, 12, bias_rate=0.1), torch.randn(3, 7, 8)
    assert layer.bias is not None
    torch.testing.assert_close(layer(x), token_by_token(layer, x))
    layer.bias[:] = torch.tensor([-9.0, 0.0, 9.0, -9.0])
    p = layer.router(x).softmax(-1)
    expected = p[..., [1]] * layer.experts[1](x) + p[..., [2]] * layer.experts[2](x)
    torch.testing.assert_close(layer(x), expected / p[..., [1, 2]].sum(-1, keepdim=True))


def test_a_bias_rises_with_too_few_tokens_and_falls_with_too_many() -> None:
    layer = MoELayer(8, 12, bias_rate=0.25)
    layer.balance(torch.tensor([10, 0, 5, 5]))
    layer.balance(torch.tensor([7, 3, 4, 6]))
    assert layer.bias is not None
    assert layer.bias.tolist() == [-0.5, 0.5, 0.25, -0.25]
    assert "bias" in layer.state_dict()
    assert "bias" not in MoELayer(8, 12).state_dict()


def test_moe_with_one_expert_equals_that_expert() -> None:
    layer, x = MoELayer(8, 12, n_experts=1, top_k=1), torch.randn(2, 5, 8)
    torch.testing.assert_close(layer(x), layer.experts[0](x))


def test_moe_with_all_experts_is_their_weighted_sum() -> None:
    layer, x = MoELayer(8, 12, n_experts=3, top_k=3), torch.randn(2, 5, 8)
    weights = layer.router(x).softmax(-1)
    expected = sum(weights[..., [e]] * layer.experts[e](x) for e in range(3))
    torch.testing.assert_close(layer(x), expected)


def test_moe_gradients_equal_the_definitions() -> None:
    torch.manual_seed(2)
    layer, x = MoELayer(8, 12), torch.randn(2, 5, 8, requires_grad=True)
    ours = torch.autograd.grad(layer(x).square().sum(), [x, *layer.parameters()])
    theirs = torch.autograd.grad(
        token_by_token(layer, x).square().sum(), [x, *layer.parameters()], allow_unused=True
    )
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our, torch.zeros_like(our) if their is None else their)


def test_an_expert_without_tokens_still_has_gradients() -> None:
    # Otherwise distributed training would wait for them for ever.
    layer = MoELayer(8, 12)
    layer.router.weight.data.zero_()
    x = torch.randn(1, 1, 8)
    layer(x).sum().backward()
    assert layer.routing is not None
    idle = set(range(4)) - set(layer.routing.chosen.flatten().tolist())
    assert idle
    assert all(p.grad is not None for e in idle for p in layer.experts[e].parameters())


def routing(probabilities: list[list[float]], top_k: int = 1) -> Routing:
    p = torch.tensor([probabilities])
    return Routing(p, p.topk(top_k).indices)


def test_load_balancing_loss_is_1_when_balanced_and_E_when_collapsed() -> None:
    balanced = routing([[0.9, 0.1], [0.1, 0.9]])
    collapsed = routing([[1.0, 0.0], [1.0, 0.0]])
    assert balanced.load_balancing_loss().item() == pytest.approx(1.0)
    assert collapsed.load_balancing_loss().item() == pytest.approx(2.0)


def test_balanced_value_is_1_for_any_top_k() -> None:
    p = torch.full((1, 4, 4), 0.25)
    chosen = torch.tensor([[[0, 1], [2, 3], [0, 1], [2, 3]]])
    assert Routing(p, chosen).load_balancing_loss().item() == pytest.approx(1.0)


def test_padding_counts_neither_in_load_nor_in_loss_nor_in_entropy() -> None:
    real = [[0.7, 0.3], [0.4, 0.6], [0.8, 0.2]]
    padded = routing([*real, [0.0, 1.0], [0.0, 1.0]])
    mask = torch.tensor([[True, True, True, False, False]])
    alone = routing(real)
    torch.testing.assert_close(padded.load(mask), alone.load())
    torch.testing.assert_close(padded.load_balancing_loss(mask), alone.load_balancing_loss())
    torch.testing.assert_close(padded.entropy(mask), alone.entropy())


def test_entropy_is_0_if_sure_and_log_E_if_even() -> None:
    assert routing([[1.0, 0.0]]).entropy().item() == 0.0
    assert routing([[0.5, 0.5]]).entropy().item() == pytest.approx(math.log(2))


def test_impossible_top_k_is_refused() -> None:
    with pytest.raises(ValueError, match=r"top_k \(5\) must be from 1 to n_experts \(4\)"):
        MoELayer(8, 12, n_experts=4, top_k=5)
