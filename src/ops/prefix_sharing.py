"""Sequences with common prefixes: each prefix is run once, and its keys and values are shared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from .kv_cache import KVCache

# Rows among which prefixes are shared, and tokens of one forward pass: enough that Python's
# overhead is small, few enough for a core's cache.
_ROWS, _TOKENS = 2**14, 3 * 2**10
# Cost of one more forward pass, and of one more row of a cache, in tokens.
_PASS, _ROW = 128, 1
# More than there are tokens in any vocabulary here.
_TOKEN_IDS = 2**8


class CachedModel(Protocol):
    """The part of `models.TransformerLM` that is used here."""

    blocks: nn.ModuleList

    def hidden(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        caches: list[KVCache] | None = None,
        at: Tensor | None = None,
        positions: Tensor | None = None,
    ) -> Tensor:
        """See `models.TransformerLM.hidden`."""

    def position_ids(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """See `models.TransformerLM.position_ids`."""


class Ending(NamedTuple):
    """The tokens of some rows that are left to run, behind prefixes that were run already.

    Attributes:
        rows: indices of the rows, (b,).
        ids: (b, S), the tokens left.
        positions: theirs, (S,) or (b, S).
        trunk: a cache for each block, of the prefixes.
        parent: (b,), the row of the trunk that is each row's prefix.
    """

    rows: Tensor
    ids: Tensor
    positions: Tensor
    trunk: list[KVCache]
    parent: Tensor


def endings(model: CachedModel, input_ids: Tensor, keep: int) -> Iterator[Ending]:
    """Run the common prefixes of sequences of equal length, each once.

    The rows are sorted, and their columns cut into segments. Rows that are equal up to the end of a
    segment, in tokens and in their positions, are run as one, which attends to the keys and values
    of the segment before. The last segment is left to `finish`.

    Args:
        input_ids: (n, T), without padding.
        keep: minimal length of the endings, from 1 to T.
    """
    positions = model.position_ids(input_ids)
    # Positions that are the same in all rows need no comparison.
    keys = input_ids if positions.dim() == 1 else input_ids + _TOKEN_IDS * positions
    order = np.lexsort(keys.cpu().numpy().T[::-1])
    for rows in torch.from_numpy(order).to(input_ids.device).split(_ROWS):
        ids, places = input_ids[rows].long(), _of(positions, rows)
        shared = _shared_lengths(keys[rows])
        distinct = shared.bincount(minlength=ids.size(1)).cumsum(0).tolist()
        *before, (last, _) = segments(distinct, keep)

        trunk = [KVCache() for _ in model.blocks]
        parent = torch.zeros_like(rows)
        for start, stop in before:
            # The first of equal rows stands for all.
            first = shared < stop
            trunk = [KVCache().take(cache, parent[first]) for cache in trunk]
            prefix, its_places = ids[first, start:stop], _of(places, first)[..., start:stop]
            model.hidden(prefix, caches=trunk, at=prefix[:, :0], positions=its_places)
            parent = first.cumsum(0) - 1
        size = max(1, _TOKENS // (ids.size(1) - last))
        for part in torch.arange(len(rows), device=rows.device).split(size):
            left = _of(places, part)[..., last:]
            yield Ending(rows[part], ids[part, last:], left, trunk, parent[part])


def finish(
    model: CachedModel, ending: Ending, keep: int, caches: list[KVCache] | None = None
) -> Tensor:
    """Run an ending; returns what the head reads at the last `keep` positions, (b, keep, C).

    Args:
        caches: one for each block, which become those of all T tokens; their memory is used again.
            A compiled function plans its memory itself, and leaves them alone.
    """
    ids, trunk = ending.ids, ending.trunk
    if caches is None or torch.compiler.is_compiling():
        caches = [KVCache() for _ in trunk]
    for cache, source in zip(caches, trunk, strict=True):
        cache.take(source, ending.parent)
    at = torch.arange(ids.size(1) - keep, ids.size(1), device=ids.device)
    at = at.expand(len(ids), -1)
    return model.hidden(ids, caches=caches, at=at, positions=ending.positions)


def _of(positions: Tensor, rows: Tensor) -> Tensor:
    """The positions of some rows, where they differ between rows."""
    return positions if positions.dim() == 1 else positions[rows]


def _shared_lengths(keys: Tensor) -> Tensor:
    """Length of the prefix that each sorted row shares with the one before, at most T - 1: (n,)."""
    differs = keys[1:] != keys[:-1]
    # Equal rows are kept apart at the last token, as each row needs its own result.
    differs[:, -1] = True
    return torch.cat((differs.new_zeros(1).long(), differs.int().argmax(1)))


def segments(distinct: list[int], keep: int) -> list[tuple[int, int]]:
    """Where to cut the columns so that the fewest tokens are run.

    >>> segments([1, 10, 100, 1000, 1000, 1000], 2)
    [(0, 2), (2, 3), (3, 6)]

    Args:
        distinct: number of distinct prefixes of 1, 2, .. T tokens.
        keep: minimal length of the last segment.

    Returns:
        First column and last column (not included) of each segment.
    """
    T = len(distinct)
    best: list[tuple[int, list[tuple[int, int]]]] = [(0, [])]
    for stop in range(1, T + 1):
        options = []
        for start in range(stop if stop < T else T - keep + 1):
            cost, earlier = best[start]
            cost += _PASS + distinct[stop - 1] * (stop - start + _ROW)
            options.append((cost, [*earlier, (start, stop)]))
        best.append(min(options))
    return best[T][1]
