"""The grouped product is that of each group alone, forward and backward."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from src.ops import cpu
from src.ops.grouped_linear import grouped_linear


@pytest.fixture(
    scope="module", params=[False, True], ids=["exact shapes", "few shapes"], autouse=True
)
def shapes(request: pytest.FixtureRequest) -> Iterator[None]:
    """As PyTorch multiplies by itself, and with other rows coming along."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cpu, "multiplies_by_onednn", lambda: request.param)
        patch.setattr("src.ops.grouped_linear._ROWS", 4)
        yield


def example(counts: list[int]) -> tuple[torch.Tensor, list[torch.Tensor], torch.Tensor]:
    generator = torch.Generator().manual_seed(sum(counts))

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()

    return draw(sum(counts), 5), [draw(3, 5) for _ in counts], torch.tensor(counts)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=5))
def test_each_group_has_its_own_weights(counts: list[int]) -> None:
    x, weights, sizes = example(counts)
    alone = [rows @ w.t() for rows, w in zip(x.split(counts), weights, strict=True)]
    torch.testing.assert_close(grouped_linear(x, weights, sizes), torch.cat(alone))


@pytest.mark.parametrize("counts", [[2, 0, 3], [5, 1, 4, 1], [4], [0, 0]])
def test_gradients_are_the_true_ones(counts: list[int]) -> None:
    x, weights, sizes = example(counts)

    def product(x: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        return grouped_linear(x, weights, sizes)

    assert torch.autograd.gradcheck(product, (x, *weights))


def test_a_compiler_may_rely_on_what_is_registered() -> None:
    torch.library.opcheck(grouped_linear, example([2, 0, 3]))
