"""Which rows make up which batch: an order of (seed, epoch), shared between processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from .data.permutation import Permutations
from .tokenizer import VOCABULARY, CharTokenizer

Ints = NDArray[np.int64]

# Rows whose order is computed at once, and to which the rows of a small kind are repeated.
_ROWS, _TILED = 2**12, 2**12
# Rows looked at together, and the most that are remembered of one kind: what is drawn with
# repetition need not hold all of a large data set.
_BLOCK, _KEPT = 2**16, 2**15
# An odd 64-bit number, the golden ratio's digits: the code of a row is a polynomial in it.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
# Every digit is alike.
_CLASSES = np.array([3 if token.isdigit() else i for i, token in enumerate(VOCABULARY)], np.uint64)


class BatchOrder(Sampler[list[int]]):
    """All batches of a training run, of equal size: epoch after epoch without a seam.

    Each epoch is a permutation of (seed, epoch). Where the rows of one do not fill its last batch,
    those of the next do: a smaller batch would be another shape to compile for.

    A share of the rows is drawn evenly from the kinds of problems instead, one kind after the
    other: each goes through its own rows again and again, so that a kind of few problems repeats
    them often. Those rows are spread evenly over the run.

    To Lightning the run is one long epoch, so that a run can be resumed at any batch. All is
    computed from the number of a row, a few thousand at a time: it takes no memory, and no time to
    resume in the middle of an epoch.

    Args:
        size: rows of the data set.
        batch_size: rows of a batch.
        n_batches: batches of the whole run.
        seed: of the permutations.
        share: of the rows that are drawn evenly from the kinds, `training.length_balance`.
        kinds: the rows of each kind, see `rows_by_kind`.

    Attributes:
        start: batches that an earlier process has trained on; iteration begins behind them.
    """

    def __init__(
        self,
        size: int,
        batch_size: int,
        n_batches: int,
        seed: int,
        share: float = 0.0,
        kinds: Sequence[Ints] = (),
    ) -> None:
        self.size, self.batch_size, self.n_batches, self.seed = size, batch_size, n_batches, seed
        # As it is written: 0.1 is a tenth. Whole numbers decide the same on any machine.
        self.share = Fraction(str(share)) if kinds else Fraction(0)
        self.kinds = kinds
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
            rows = self._rows(first * self.batch_size, last * self.batch_size).tolist()
            for start in range(0, len(rows), self.batch_size):
                yield rows[start : start + self.batch_size]

    def _rows(self, first: int, last: int) -> Ints:
        """Rows number first to last (not included) of the run."""
        number = np.arange(first, last)
        # Of the rows before each one, so many are drawn evenly.
        before = number * self.share.numerator // self.share.denominator
        even = np.diff(before, append=last * self.share.numerator // self.share.denominator) > 0
        rows = np.empty(len(number), np.int64)
        rows[~even] = self._shuffled(self.size, (number - before)[~even], [])
        place = before[even]
        drawn = np.empty(len(place), np.int64)
        for i, kind in enumerate(self.kinds):
            its = place % len(self.kinds) == i
            # A few rows many times: one order of thousands costs as much as one of a few.
            size = len(kind) * max(1, _TILED // len(kind))
            row = self._shuffled(size, place[its] // len(self.kinds), [i]) % len(kind)
            drawn[its] = kind[row]
        rows[even] = drawn
        return rows

    def _shuffled(self, size: int, number: Ints, stream: list[int]) -> Ints:
        """Of so many rows, taken epoch after epoch in random orders, those with these numbers."""
        rows = np.empty(len(number), np.int64)
        epoch = number // size
        for e in np.unique(epoch).tolist():
            here = epoch == e
            rows[here] = Permutations([size], [self.seed, e, *stream])(number[here] % size)
        return rows


def rows_by_kind(tokens: NDArray[np.uint8]) -> list[Ints]:
    """The rows of each kind of problem: those with equal operators and lengths of their operands.

    >>> encode = CharTokenizer().encode
    >>> tokens = np.array([encode(text) for text in ("1+2=3", "4+5=9", "7-2=5", "7-12=", "1+7=8")])
    >>> sorted(kind.tolist() for kind in rows_by_kind(tokens))
    [[0, 1, 4], [2], [3]]

    Args:
        tokens: (n, T), token ids of texts, padded on the right.

    Returns:
        The first 32,768 rows of each kind, or fewer where there are fewer.
    """
    found: dict[int, list[Ints]] = {}
    for start in range(0, len(tokens), _BLOCK):
        code = _kinds(tokens[start : start + _BLOCK])
        order = code.argsort(kind="stable")
        values, begins = np.unique(code[order], return_index=True)
        for value, rows in zip(values.tolist(), np.split(order, begins[1:]), strict=True):
            parts = found.setdefault(value, [])
            if missing := _KEPT - sum(map(len, parts)):
                parts.append(start + rows[:missing])
    return [np.concatenate(found[value]) for value in sorted(found)]


def _kinds(tokens: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """A number for each row, the same for problems of one kind: (n,)."""
    ends = (tokens == CharTokenizer.equals_id).argmax(1)
    code = np.zeros(len(tokens), np.uint64)
    for place, column in enumerate(tokens.T):
        code = np.where(place <= ends, code * _SPREAD + _CLASSES[column], code)
    return code


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
