"""Attention is causal, and a cache gives what the whole sequence gives."""

import pytest
import torch
from torch import Tensor

from src.attention import CausalSelfAttention
from src.ops.kv_cache import KVCache
from src.positional import RotaryEmbedding


def attention(rope: bool = True) -> CausalSelfAttention:
    torch.manual_seed(0)
    return CausalSelfAttention(16, 4, rope=RotaryEmbedding(4, 32) if rope else None).eval()


def by_hand(layer: CausalSelfAttention, x: Tensor) -> Tensor:
    """The formula, a loop over heads and queries."""
    q, k, v = layer.qkv(x).chunk(3, dim=-1)
    heads = []
    for h in range(layer.n_heads):
        part = slice(4 * h, 4 * h + 4)
        rows = []
        for t in range(x.size(0)):
            scores = k[: t + 1, part] @ q[t, part] / 4**0.5
            rows.append(scores.softmax(0) @ v[: t + 1, part])
        heads.append(torch.stack(rows))
    return layer.out(torch.cat(heads, dim=-1))


def test_equals_the_formula() -> None:
    layer, x = attention(rope=False), torch.randn(5, 16)
    torch.testing.assert_close(layer(x[None], torch.arange(5))[0], by_hand(layer, x))


@pytest.mark.parametrize("rope", [False, True])
def test_weights_are_those_that_forward_applies(rope: bool) -> None:
    layer, x, positions = attention(rope), torch.randn(2, 6, 16), torch.arange(6)
    weights = layer.weights(x, positions)
    assert weights.shape == (2, 4, 6, 6)
    values = layer.qkv(x).chunk(3, dim=-1)[2].view(2, 6, 4, 4).transpose(1, 2)
    mixed = (weights @ values).transpose(1, 2).reshape(2, 6, 16)
    torch.testing.assert_close(layer.out(mixed), layer(x, positions))


@pytest.mark.parametrize("rope", [False, True])
def test_later_tokens_change_nothing_before_them(rope: bool) -> None:
    layer, x = attention(rope), torch.randn(2, 6, 16)
    changed = x.clone()
    changed[:, 4:] = torch.randn(2, 2, 16)
    positions = torch.arange(6)
    assert torch.equal(layer(x, positions)[:, :4], layer(changed, positions)[:, :4])


def test_a_cache_continues_the_sequence() -> None:
    layer, x = attention(), torch.randn(2, 6, 16)
    cache = KVCache()
    pieces = [
        layer(x[:, a:b], torch.arange(a, b), cache=cache) for a, b in ((0, 3), (3, 4), (4, 6))
    ]
    torch.testing.assert_close(torch.cat(pieces, dim=1), layer(x, torch.arange(6)))
    assert len(cache) == 6


@pytest.mark.parametrize("rope", [False, True])
def test_a_cache_grows_and_serves_some_places_only(rope: bool) -> None:
    # More tokens than there is room for at first, some of which do not look.
    layer, x, cache = attention(rope), torch.randn(2, 20, 16), KVCache()
    layer(x[:, :9], torch.arange(9), cache=cache, at=torch.zeros(2, 0, dtype=torch.long))
    at = torch.tensor([[2, 10], [0, 9]])
    some = layer(x[:, 9:], torch.arange(9, 20), cache=cache, at=at)
    whole = layer(x, torch.arange(20))
    torch.testing.assert_close(some[0], whole[0, [11, 19]])
    torch.testing.assert_close(some[1], whole[1, [9, 18]])


@torch.no_grad()
def test_rows_of_a_cache_continue_their_own_sequences() -> None:
    layer, x, source = attention(), torch.randn(3, 6, 16), KVCache()
    layer(x[:, :4], torch.arange(4), cache=source)
    whole, taken = layer(x, torch.arange(6)), KVCache()
    # The second time into memory that holds more rows, and longer ones.
    for rows in (torch.tensor([2, 0, 0, 1]), torch.tensor([1, 2])):
        taken.take(source, rows)
        assert len(taken) == 4
        y = layer(x[rows, 4:], torch.arange(4, 6), cache=taken)
        torch.testing.assert_close(y, whole[rows, 4:])
    assert len(source) == 4


def test_dropout_acts_in_training_only() -> None:
    torch.manual_seed(0)
    layer, x = CausalSelfAttention(16, 4, dropout=0.5), torch.randn(1, 6, 16)
    positions = torch.arange(6)
    assert not torch.equal(layer(x, positions), layer(x, positions))
    layer.eval()
    assert torch.equal(layer(x, positions), layer(x, positions))


def test_indivisible_width_is_refused() -> None:
    with pytest.raises(ValueError, match=r"d_model \(130\) must be divisible by n_heads \(4\)"):
        CausalSelfAttention(130, 4)


@pytest.mark.parametrize("bias", [False, True])
def test_sharpened_attention_has_its_logits_multiplied(bias: bool) -> None:
    torch.manual_seed(0)
    layer = CausalSelfAttention(16, 4, bias=bias, rope=RotaryEmbedding(4, 32)).eval()
    x, positions = torch.randn(2, 6, 16), torch.arange(6)
    logits = layer.weights(x, positions).log()
    before = layer(x, positions)
    layer.sharpen(1.5)
    # The logarithm of a softmax is its logits, but for a constant of the row.
    expected = (1.5 * logits).softmax(-1)
    torch.testing.assert_close(layer.weights(x, positions), expected)
    assert not torch.allclose(layer(x, positions), before)
    layer.sharpen(1 / 1.5)
    torch.testing.assert_close(layer(x, positions), before)
