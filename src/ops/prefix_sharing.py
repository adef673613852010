"""Token sequences that begin alike: each beginning is run once, its keys and values are shared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from .kv_cache import KVCache

# Rows that share, and tokens of one pass: enough that Python's share is small, few enough for a
# core's cache.
_ROWS, _TOKENS = 2**14, 3 * 2**10
# What another pass costs, and another row of a cache, in tokens that they would have to save.
_PASS, _ROW = 128, 1


class CachedModel(Protocol):
    """The part of `models.TransformerLM` that is used here."""

    blocks: nn.ModuleList

    def hidden(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        caches: list[KVCache] | None = None,
        at: Tensor | None = None,
    ) -> Tensor:
        """See `models.TransformerLM.hidden`."""


class Ending(NamedTuple):
    """Some rows of a batch, run up to where they differ.

    Attributes:
        rows: their numbers, (b,).
        ids: (b, S), what is left to run.
        trunk: a cache for each block, of the tokens before.
        parent: (b,), which row of the trunk is each row's.
    """

    rows: Tensor
    ids: Tensor
    trunk: list[KVCache]
    parent: Tensor


def endings(model: CachedModel, input_ids: Tensor, keep: int) -> Iterator[Ending]:
    """Run what sequences of equal length have in common, once.

    The rows are sorted, and their columns cut into stretches. In each stretch the rows that have
    been alike so far are one, which attends to the keys and values of the stretch before. The
    last stretch is left to do.

    Args:
        input_ids: (n, T), without padding.
        keep: the least length of the endings, from 1 to T.
    """
    order = np.lexsort(input_ids.cpu().numpy().T[::-1])
    for rows in torch.from_numpy(order).to(input_ids.device).split(_ROWS):
        ids = input_ids[rows].long()
        shared = _shared(ids)
        distinct = shared.bincount(minlength=ids.size(1)).cumsum(0).tolist()
        *beginnings, (last, _) = _stretches(distinct, keep)

        trunk = [KVCache() for _ in model.blocks]
        parent = torch.zeros_like(rows)
        for start, stop in beginnings:
            # The first of the rows that are alike stands for all.
            first = shared < stop
            trunk = [KVCache().take(cache, parent[first]) for cache in trunk]
            beginning = ids[first, start:stop]
            model.hidden(beginning, caches=trunk, at=beginning[:, :0])
            parent = first.cumsum(0) - 1
        size = max(1, _TOKENS // (ids.size(1) - last))
        for part in torch.arange(len(rows), device=rows.device).split(size):
            yield Ending(rows[part], ids[part, last:], trunk, parent[part])


def finish(
    model: CachedModel, ending: Ending, keep: int, caches: list[KVCache] | None = None
) -> Tensor:
    """Run an ending: what the head reads at the last `keep` positions, (b, keep, C).

    Args:
        caches: one for each block, which become those of all T tokens; the memory that they held
            is used again. A compiled function plans its memory itself, and leaves them alone.
    """
    ids, trunk = ending.ids, ending.trunk
    if caches is None or torch.compiler.is_compiling():
        caches = [KVCache() for _ in trunk]
    for cache, source in zip(caches, trunk, strict=True):
        cache.take(source, ending.parent)
    at = torch.arange(ids.size(1) - keep, ids.size(1), device=ids.device)
    return model.hidden(ids, caches=caches, at=at.expand(len(ids), -1))


def _shared(ids: Tensor) -> Tensor:
    """How many tokens each sorted row shares with the one before, at most all but one: (n,)."""
    differs = ids[1:] != ids[:-1]
    # Equal rows part at the last token: each row gets what the head reads.
    differs[:, -1] = True
    return torch.cat((differs.new_zeros(1).long(), differs.int().argmax(1)))


def _stretches(distinct: list[int], keep: int) -> list[tuple[int, int]]:
    """Where to cut the columns so that the fewest tokens are run.

    >>> _stretches([1, 10, 100, 1000, 1000, 1000], 2)
    [(0, 2), (2, 3), (3, 6)]

    Args:
        distinct: how many different beginnings of 1, 2, .. T tokens there are.
        keep: the last stretch is at least so long.

    Returns:
        First and last column (not included) of each stretch.
    """
    T = len(distinct)
    best: list[tuple[int, list[tuple[int, int]]]] = [(0, [])]
    for stop in range(1, T + 1):
        options = []
        for start in range(stop if stop < T else T - keep + 1):
            cost, before = best[start]
            cost += _PASS + distinct[stop - 1] * (stop - start + _ROW)
            options.append((cost, [*before, (start, stop)]))
        best.append(min(options))
    return best[T][1]
