"""Keys and values of the tokens that a layer has read, so that they are computed once."""

from __future__ import annotations

import torch
from torch import Tensor

# PyTorch's softmax over fewer than 16 numbers is several times slower than over 16.
_ROOM = 16


class KVCache:
    """Keys and values of one layer's past tokens, in room that grows by 16 tokens."""

    def __init__(self) -> None:
        self.length = 0
        # (B, H, room, D) each; any finite numbers where no token is yet.
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
            and which of them each new token sees, bool (T, S): itself, those before, none of the
            empty places.
        """
        past, self.length = self.length, self.length + keys.size(2)
        # Room would be copied too; what is copied as it is becomes one kernel with `take`.
        put = _behind if torch.compiler.is_compiling() else _put
        self._keys = put(self._keys, past, keys)
        self._values = put(self._values, past, values)
        new = torch.arange(past, self.length, device=keys.device)
        place = torch.arange(self._keys.size(2), device=keys.device)
        return self._keys, self._values, place <= new[:, None]

    def take(self, source: KVCache, index: Tensor) -> KVCache:
        """Become the rows of another cache that an index (n,) names, each as often as it does.

        The memory held is used again where it suffices, as to touch new memory takes longer than
        to fill it: under `torch.no_grad` only.
        """
        self.length = source.length
        self._keys = _rows(source._keys, index, self._keys, self.length)
        self._values = _rows(source._values, index, self._values, self.length)
        return self


def _rows(source: Tensor | None, index: Tensor, held: Tensor | None, length: int) -> Tensor | None:
    if held is not None and len(held) < len(index):
        held = None
    if source is None:
        return None if held is None else held[: len(index)]
    if held is None or held.shape[1:] != source.shape[1:]:
        return source.index_select(0, index)
    held = held[: len(index)]
    torch.index_select(source[:, :, :length], 0, index, out=held[:, :, :length])
    return held


def _behind(held: Tensor | None, past: int, new: Tensor) -> Tensor:
    """What is held, and new tokens behind it."""
    return new if held is None else torch.cat((held[:, :, :past], new), 2)


def _put(held: Tensor | None, past: int, new: Tensor) -> Tensor:
    """What is held, in more room if need be, with new tokens from place `past` on."""
    B, H, T, D = new.shape
    S = -(-(past + T) // _ROOM) * _ROOM
    if held is None or held.size(2) < S:
        larger = new.new_zeros(B, H, S, D)
        if held is not None:
            larger[:, :, :past] = held[:, :, :past]
        held = larger
    held[:, :, past : past + T] = new
    return held
