"""Sequences that begin alike share their beginnings, and each gives what it gives alone."""

from itertools import pairwise, product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from src.models import TransformerLM, build_model
from src.ops.kv_cache import KVCache
from src.ops.prefix_sharing import endings, finish, segments

from ..conftest import ARCHITECTURES, tiny_model


def model_of(name: str) -> TransformerLM:
    torch.manual_seed(0)
    return build_model(tiny_model(name, init_std=0.3)).eval()


def together(model: TransformerLM, ids: Tensor, keep: int) -> Tensor:
    """What the head reads at the ends, in the order of the rows."""
    result = torch.full((len(ids), keep, 32), torch.nan)
    caches = [KVCache() for _ in model.blocks]
    for ending in endings(model, ids, keep):
        result[ending.rows] = finish(model, ending, keep, caches)
        assert all(len(cache) == ids.size(1) for cache in caches)
    return result


def tree() -> Tensor:
    """All sequences of 3 tokens out of 3, with the same 4 before and 2 behind, mixed."""
    middles = product((3, 4, 5), repeat=3)
    ids = torch.tensor([[1, 5, 6, 7, *middle, 9, sum(middle)] for middle in middles])
    return ids[torch.randperm(27, generator=torch.Generator().manual_seed(0))]


@pytest.mark.parametrize("pass_cost", [0, 128])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_each_row_is_what_it_is_alone(
    name: str, pass_cost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.ops.prefix_sharing._PASS", pass_cost)
    # Several groups of rows, the last one smaller, and several parts of each.
    monkeypatch.setattr("src.ops.prefix_sharing._ROWS", 20)
    monkeypatch.setattr("src.ops.prefix_sharing._TOKENS", 30)
    model, ids = model_of(name), tree()
    with torch.no_grad():
        torch.testing.assert_close(together(model, ids, 4), model.hidden(ids)[:, -4:])


def test_a_common_beginning_is_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.ops.prefix_sharing._PASS", 0)
    monkeypatch.setattr("src.ops.prefix_sharing._ROW", 0)
    model, ids = model_of("llama2"), tree()
    read: list[int] = []

    def count(_module: nn.Module, inputs: tuple[Tensor], _output: Tensor) -> None:
        read.append(inputs[0].numel())

    model.token_embedding.register_forward_hook(count)
    with torch.no_grad():
        together(model, ids, 1)
    assert sum(read) == 4 + 3 + 9 + 27 * 3


def test_rows_that_occur_twice_are_both_answered() -> None:
    model, ids = model_of("gpt2"), torch.tensor([[1, 4, 5], [1, 4, 6], [1, 4, 5]])
    with torch.no_grad():
        said = together(model, ids, 1)
        torch.testing.assert_close(said, model.hidden(ids)[:, -1:])


GROWING = st.lists(st.integers(0, 300), min_size=1, max_size=9).map(sorted)


@given(GROWING, st.data())
def test_segments_follow_each_other_and_leave_what_is_kept_whole(
    distinct: list[int], data: st.DataObject
) -> None:
    keep = data.draw(st.integers(1, len(distinct)))
    found = segments(distinct, keep)
    ends = [0, *(stop for _, stop in found)]
    assert found == list(pairwise(ends))
    assert ends[-1] == len(distinct)
    assert found[-1][0] <= len(distinct) - keep
