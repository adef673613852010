"""A key/value cache: keys and values of past tokens are computed once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

# PyTorch's softmax over fewer than 16 numbers is several times slower than over 16.
_STEP = 16


class KVCache:
    """Keys and values of one layer's past tokens, in memory that grows by 16 tokens at a time.

    Args:
        starts: see below.

    Attributes:
        length: number of tokens, padding included.
        starts: (B,), the place of each row's first token, of rows with padding on the left; None
            where there is none.
    """

    def __init__(self, starts: Tensor | None = None) -> None:
        self.length = 0
        self.starts = starts
        # (B, H, capacity, D) each; arbitrary finite numbers beyond `length`.
        self._keys: Tensor | None = None
        self._values: Tensor | None = None

    def __len__(self) -> int:
        return self.length

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Add T new tokens at the end.

        Args:
            keys, values: (B, H, T, D).

        Returns:
            All keys and values so far, each (B, H, S, D), S a multiple of 16 where not compiled;
            and which of them each new token sees, bool (T, S), with padding (B, 1, T, S): itself
            and those before it; padding sees itself.
        """
        past, self.length = self.length, self.length + keys.size(2)
        # Compiled, a plain concatenation is fused with the copy that `take` makes.
        put = _concatenate if torch.compiler.is_compiling() else _write_in_place
        self._keys = put(self._keys, past, keys)
        self._values = put(self._values, past, values)
        new = torch.arange(past, self.length, device=keys.device)
        place = torch.arange(self._keys.size(2), device=keys.device)
        seen = place <= new[:, None]
        real = self.real(len(place))
        if real is not None:
            seen = seen & (real[:, None, None] | (place == new[:, None]))
        return self._keys, self._values, seen

    def real(self, places: int) -> Tensor | None:
        """Which of so many first places are no padding, bool (B, places); None: all."""
        if self.starts is None:
            return None
        return torch.arange(places, device=self.starts.device) >= self.starts[:, None]

    def take(self, source: KVCache, index: Tensor) -> KVCache:
        """Become a copy of the rows of another cache that an index (n,) selects.

        The memory held so far is used again where it suffices, as the first use of new memory takes
        longer than the copy: under `torch.no_grad` only.
        """
        self.length = source.length
        self.starts = None if source.starts is None else source.starts[index]
        self._keys = _select(source._keys, index, self._keys, self.length)
        self._values = _select(source._values, index, self._values, self.length)
        return self

    @staticmethod
    def joined(caches: Sequence[KVCache]) -> KVCache:
        """The rows of caches without padding, all together: shorter ones get it on the left."""
        whole = KVCache()
        whole.length = max(map(len, caches))
        parts = zip(*(cache._padded(whole.length) for cache in caches), strict=True)
        whole._keys, whole._values, starts = map(torch.cat, parts)
        whole.starts = starts if starts.any() else None
        return whole

    def _padded(self, length: int) -> tuple[Tensor, Tensor, Tensor]:
        """Keys and values with padding on the left up to a length, and where each row starts."""
        if self._keys is None or self._values is None:
            raise ValueError("a cache without tokens has no rows")
        left, right = length - self.length, -length % _STEP
        keys, values = (
            F.pad(x[:, :, : self.length], (0, 0, left, right)) for x in (self._keys, self._values)
        )
        return keys, values, torch.full((len(keys),), left, device=keys.device)


def _select(
    source: Tensor | None, index: Tensor, held: Tensor | None, length: int
) -> Tensor | None:
    """Rows of `source`, in the memory of `held` if that suffices."""
    if held is not None and len(held) < len(index):
        held = None
    if source is None:
        return None if held is None else held[: len(index)]
    if held is None or held.shape[1:] != source.shape[1:]:
        return source.index_select(0, index)
    held = held[: len(index)]
    torch.index_select(source[:, :, :length], 0, index, out=held[:, :, :length])
    return held


def _concatenate(held: Tensor | None, past: int, new: Tensor) -> Tensor:
    """The first `past` tokens that are held, and the new ones."""
    return new if held is None else torch.cat((held[:, :, :past], new), 2)


def _write_in_place(held: Tensor | None, past: int, new: Tensor) -> Tensor:
    """The new tokens written from position `past` on, into larger memory if they do not fit."""
    B, H, T, D = new.shape
    S = -(-(past + T) // _STEP) * _STEP
    if held is None or held.size(2) < S:
        larger = new.new_zeros(B, H, S, D)
        if held is not None:
            larger[:, :, :past] = held[:, :, :past]
        held = larger
    held[:, :, past : past + T] = new
    return held
