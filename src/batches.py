"""The rows of each batch: a shuffle that depends on seed and epoch alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from .data.permutation import Permutations
from .tokenizer import VOCABULARY, CharTokenizer

Ints = NDArray[np.int64]

# Rows whose order is computed at once, and the length to which a small kind is repeated.
_ROWS, _TILED = 2**12, 2**12
# Rows that are classified at once, and the most that are kept of one kind: a sample is enough for
# what is drawn with repetition.
_BLOCK, _KEPT = 2**16, 2**15
# An odd 64-bit number, from the digits of the golden ratio: a row's hash is a polynomial in it.
_HASH_BASE = np.uint64(0x9E3779B97F4A7C15)
# The class of each token: all digits are one.
_CLASSES = np.array([3 if token.isdigit() else i for i, token in enumerate(VOCABULARY)], np.uint64)


class BatchOrder(Sampler[list[int]]):
    """All batches of a training run, of equal size, over successive epochs.

    Each epoch is a permutation that depends on seed and epoch. A batch at the end of an epoch is
    filled up with rows of the next: a smaller batch would be another shape to compile for.

    A share of the rows is drawn from the kinds of problems in turn instead, so that all kinds are
    equally frequent: each kind goes through its own rows again and again. These rows are spread
    evenly over the run.

    To Lightning the run is one long epoch, so that it can be resumed at any batch. Each row is
    computed from its number in the run, which takes no memory, and no time to resume.

    Args:
        size: rows of the data set.
        batch_size: rows of a batch.
        n_batches: batches of the whole run.
        seed: of the permutations.
        share: share of the rows that are drawn from the kinds in turn, `training.length_balance`.
        kinds: the rows of each kind, see `rows_by_kind`.

    Attributes:
        start: number of batches that an earlier process has trained on; iteration begins there.
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
        lengths = np.array([len(kind) for kind in kinds], np.int64)
        # A small kind is repeated: a permutation of thousands costs as much as one of a few.
        self._tiled = lengths * np.maximum(1, _TILED // np.maximum(1, lengths))
        self._lengths, self._begins = lengths, np.cumsum(lengths) - lengths
        self._of_kinds = np.concatenate([np.zeros(0, np.int64), *kinds])
        self.start = 0

    @property
    def per_epoch(self) -> int:
        """Batches of an epoch, rounded up."""
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
        """The rows from number `first` to `last` (not included) of the run."""
        number = np.arange(first, last)
        # How many of the rows before each one are drawn from the kinds.
        before = number * self.share.numerator // self.share.denominator
        even = np.diff(before, append=last * self.share.numerator // self.share.denominator) > 0
        rows = np.empty(len(number), np.int64)
        rows[~even] = self._shuffled((number - before)[~even])
        place = before[even]
        if len(place):
            rows[even] = self._of_each_kind(place)
        return rows

    def _of_each_kind(self, place: Ints) -> Ints:
        """The rows with these numbers, of those that are drawn from the kinds in turn."""
        number, kind = np.divmod(place, len(self.kinds))
        epoch, number = np.divmod(number, self._tiled[kind])
        row = np.empty(len(place), np.int64)
        for e in np.unique(epoch).tolist():
            here = epoch == e
            orders = _orders(tuple(self._tiled.tolist()), self.seed, e)
            row[here] = orders(number[here], kind[here])
        return self._of_kinds[self._begins[kind] + row % self._lengths[kind]]

    def _shuffled(self, number: Ints) -> Ints:
        """The rows with these numbers, of all rows, shuffled anew for each epoch."""
        rows = np.empty(len(number), np.int64)
        epoch = number // self.size
        for e in np.unique(epoch).tolist():
            here = epoch == e
            rows[here] = Permutations([self.size], [self.seed, e])(number[here] % self.size)
        return rows


# Of few epochs: kinds begin a new one at different rows.
@lru_cache(maxsize=4)
def _orders(sizes: tuple[int, ...], seed: int, epoch: int) -> Permutations:
    """A random order of each kind's rows."""
    return Permutations.together(sizes, ([seed, epoch, kind] for kind in range(len(sizes))))


def rows_by_kind(tokens: NDArray[np.uint8]) -> list[Ints]:
    """The rows of each kind of problem: equal operators, and operands of equal lengths.

    >>> encode = CharTokenizer().encode
    >>> tokens = np.array([encode(text) for text in ("1+2=3", "4+5=9", "7-2=5", "7-12=", "1+7=8")])
    >>> sorted(kind.tolist() for kind in rows_by_kind(tokens))
    [[0, 1, 4], [2], [3]]

    Args:
        tokens: (n, T), token ids of texts, padded on the right.

    Returns:
        The first 32,768 rows of each kind.
    """
    found: dict[int, list[Ints]] = {}
    for start in range(0, len(tokens), _BLOCK):
        code = _hash_of_kind(tokens[start : start + _BLOCK])
        order = code.argsort(kind="stable")
        values, begins = np.unique(code[order], return_index=True)
        for value, rows in zip(values.tolist(), np.split(order, begins[1:]), strict=True):
            parts = found.setdefault(value, [])
            if missing := _KEPT - sum(map(len, parts)):
                parts.append(start + rows[:missing])
    return [np.concatenate(found[value]) for value in sorted(found)]


def _hash_of_kind(tokens: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """A 64-bit hash of each row's kind, (n,)."""
    ends = (tokens == CharTokenizer.equals_id).argmax(1)
    code = np.zeros(len(tokens), np.uint64)
    for place, column in enumerate(tokens.T):
        code = np.where(place <= ends, code * _HASH_BASE + _CLASSES[column], code)
    return code


class Share(Sampler[list[int]]):
    """One process's share of each batch: every size-th row, from the rank-th on.

    All processes go through the same batches, and together they have each row once. Of a batch with
    fewer rows than processes, some get an empty share.

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
