"""RoPE rotates: lengths stay, and only distances count."""

import pytest
import torch

from src.positional import RotaryEmbedding, apply_rope


def rotated(x: torch.Tensor, positions: list[int]) -> torch.Tensor:
    rope = RotaryEmbedding(x.size(-1), max_seq_len=64)
    return apply_rope(x, *rope(torch.tensor(positions)))


def test_tables_have_a_row_for_each_position_and_a_head_dimension_to_broadcast() -> None:
    rope = RotaryEmbedding(8, max_seq_len=16)
    cos, sin = rope(torch.arange(5))
    assert cos.shape == sin.shape == (1, 5, 8)
    cos, sin = rope(torch.zeros(3, 5, dtype=torch.long))
    assert cos.shape == (3, 1, 5, 8)
    assert apply_rope(torch.randn(3, 4, 5, 8), cos, sin).shape == (3, 4, 5, 8)


def test_norms_are_kept() -> None:
    x = torch.randn(2, 4, 6, 8)
    y = rotated(x, [0, 1, 5, 17, 40, 63])
    torch.testing.assert_close(y.norm(dim=-1), x.norm(dim=-1))


def test_position_zero_changes_nothing() -> None:
    x = torch.randn(1, 1, 1, 8)
    assert torch.equal(rotated(x, [0]), x)


def test_products_depend_on_the_distance_only() -> None:
    q, k = torch.randn(1, 1, 1, 16), torch.randn(1, 1, 1, 16)
    near = (rotated(q, [7]) * rotated(k, [4])).sum()
    far = (rotated(q, [53]) * rotated(k, [50])).sum()
    other = (rotated(q, [53]) * rotated(k, [40])).sum()
    torch.testing.assert_close(near, far)
    assert not torch.isclose(near, other)


def test_theta_sets_the_longest_wavelength() -> None:
    short = RotaryEmbedding(8, 16, theta=1.0)
    # With theta 1 all pairs turn at the same rate, one radian a position.
    torch.testing.assert_close(short.cos[3], torch.full((8,), 3.0).cos())


def test_odd_head_dimension_is_refused() -> None:
    with pytest.raises(ValueError, match=r"head_dim \(7\) must be even"):
        RotaryEmbedding(7, 16)
