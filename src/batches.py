"""Which rows make up which batch: an order of (seed, epoch), shared between processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

from .permutation import Permutations

# Rows whose order is computed at once.
_ROWS = 2**12


class BatchOrder(Sampler[list[int]]):
    """All batches of a training run, of equal size: epoch after epoch without a seam.

    Each epoch is a permutation of (seed, epoch). Where the rows of one do not fill its last batch,
    those of the next do: a smaller batch would be another shape to compile for.

    To Lightning the run is one long epoch, so that a run can be resumed at any batch. The
    permutations are computed a few thousand rows at a time: they take no memory, and no time to
    resume in the middle of one.

    Args:
        size: rows of the data set.
        batch_size: rows of a batch.
        n_batches: batches of the whole run.
        seed: of the permutations.

    Attributes:
        start: batches that an earlier process has trained on; iteration begins behind them.
    """

    def __init__(self, size: int, batch_size: int, n_batches: int, seed: int) -> None:
        self.size, self.batch_size, self.n_batches, self.seed = size, batch_size, n_batches, seed
        self.start = 0

    @property
    def per_epoch(self) -> int:
        """Batches that an epoch's rows fill, rounded up."""
        return -(-self.size // self.batch_size)

    def __len__(self) -> int:
        return self.n_batches

    def __iter__(self) -> Iterator[list[int]]:
        at_once = max(1, _ROWS // self.batch_size)
        for first in range(self.start, self.n_batches, at_once):
            last = min(first + at_once, self.n_batches)
            rows = self._rows(first * self.batch_size, last * self.batch_size)
            for start in range(0, len(rows), self.batch_size):
                yield rows[start : start + self.batch_size]

    def _rows(self, first: int, last: int) -> list[int]:
        """Rows number first to last (not included) of the run."""
        rows: list[int] = []
        while first < last:
            epoch, begin = divmod(first, self.size)
            n = min(self.size - begin, last - first)
            shuffle = Permutations([self.size], [self.seed, epoch])
            rows += shuffle(np.arange(begin, begin + n)).tolist()
            first += n
        return rows


class Share(Sampler[list[int]]):
    """Of each batch what one of several processes takes: every size-th row, from the rank-th on.

    All of them see each batch, so that they stay in step, and together they have its rows, none
    twice. Where a batch has fewer rows than there are processes, some get an empty share.

    >>> [list(Share([[5, 3, 8], [1]], rank, size=2)) for rank in (0, 1)]
    [[[5, 8], [1]], [[3], []]]
    """

    def __init__(
        self, batches: Sampler[list[int]] | Sequence[list[int]], rank: int = 0, size: int = 1
    ) -> None:
        self.batches, self.rank, self.size = batches, rank, size

    def __len__(self) -> int:
        return len(self.batches)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[list[int]]:
        return (rows[self.rank :: self.size] for rows in self.batches)
