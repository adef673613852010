"""Rows drawn evenly from all kinds of problems, beside the order of the data set itself."""

from collections import Counter
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src import batches
from src.batches import BatchOrder, Share, rows_by_kind
from src.data.formats import PLAIN
from src.data.problems import Problems
from src.data.records import Record, to_tokens
from src.splits.source import chunks, source_of

from .conftest import tiny_params

# Ten rows in three kinds.
KINDS = [np.array([0, 5]), np.array([1, 2, 3, 4, 6, 7, 8]), np.array([9])]


def order(share: float, batch_size: int = 8, n_batches: int = 30, seed: int = 3) -> BatchOrder:
    return BatchOrder(10, batch_size, n_batches, seed, share, KINDS)


def drawn(share: float, n_batches: int) -> list[int]:
    """The rows that are drawn evenly: what a run without them does not have there."""
    rows = list(chain(*order(share, n_batches=n_batches)))
    n = len(rows)
    numbers = [k for k in range(n) if int((k + 1) * share) > int(k * share)]
    return [rows[k] for k in numbers]


def test_each_batch_has_its_share_and_each_kind_as_much_as_another() -> None:
    # Of each kind's rows, all come equally often in some thousand: here in 4,095 or 4,096 draws.
    rows = drawn(0.25, n_batches=3 * 4096 // 2)
    assert len(rows) == 3 * 4096
    of = [next(i for i, kind in enumerate(KINDS) if row in kind) for row in rows]
    assert of[:30] == [0, 1, 2] * 10
    assert Counter(rows[0::3]) == {0: 2048, 5: 2048}
    assert Counter(rows[1::3][:4095]) == dict.fromkeys(KINDS[1].tolist(), 585)
    assert set(rows[2::3]) == {9}
    # In an order that tells nothing.
    assert 1500 < sum(a == b for a, b in zip(rows[0::3], rows[3::3], strict=False)) < 2500


def test_the_others_keep_their_order() -> None:
    plain = list(chain(*order(0.0)))
    mixed = list(chain(*order(0.25)))
    rest = [row for k, row in enumerate(mixed) if k % 4 != 3]
    assert rest == plain[: len(rest)]
    assert plain == list(chain(*BatchOrder(10, 8, 30, seed=3)))


def test_all_may_be_drawn_evenly() -> None:
    assert drawn(1.0, n_batches=6) == list(chain(*order(1.0, n_batches=6)))


@pytest.mark.parametrize(("N", "digits"), [(2, 10), (3, 10), (2, 60)])
def test_many_lengths_come_equally_often_within_a_few_batches(N: int, digits: int) -> None:
    config = tiny_params(data={"N": N, "B": 10**digits - 1, "n_samples": 20_000}).data
    parts = [problems for split, problems in chunks(config, source_of(config)) if split == "train"]
    problems = Problems.concatenate(parts)
    kinds = rows_by_kind(PLAIN.tokens(problems))
    lengths = np.vectorize(lambda x: len(str(x)), otypes=[int])(problems.operands)
    of_kind = [np.unique(lengths[kind], axis=0) for kind in kinds]
    assert all(len(alike) == 1 for alike in of_kind)
    labels = [tuple(alike[0]) for alike in of_kind]
    assert len(set(labels)) == len(labels) == len(set(map(tuple, lengths.tolist())))
    if digits == 10:
        assert len(labels) == 10**N
    rows = BatchOrder(len(problems), 100, 2000, 5, 0.25, kinds)
    even = np.array([row for batch in rows for row in batch[3::4]])
    # Each 25th part of a batch, one after the other: in any window, a kind comes as often as
    # another, or once more.
    label = {row: place for place, kind in enumerate(kinds) for row in kind.tolist()}
    drawn_kinds = np.array([label[row] for row in even.tolist()])
    for begin in (0, 777, 20_000):
        window = drawn_kinds[begin : begin + 3 * len(kinds) + 11]
        counts = np.bincount(window, minlength=len(kinds))
        assert set(counts) == {3, 4}


@settings(max_examples=10)
@given(
    share=st.sampled_from([0.0, 0.1, 0.125, 1 / 3, 0.5, 0.9, 1.0]),
    batch_size=st.integers(1, 9),
    start=st.integers(0, 30),
    at_once=st.sampled_from([20, 64]),
)
def test_a_run_starts_anywhere(share: float, batch_size: int, start: int, at_once: int) -> None:
    whole = list(order(share, batch_size))
    assert len(whole) == 30
    assert {len(batch) for batch in whole} == {batch_size}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "_ROWS", at_once)
        resumed = order(share, batch_size)
        resumed.start = start
        assert list(resumed) == whole[start:]
    parts = [list(Share(order(share, batch_size), rank, 2)) for rank in (0, 1)]
    for one, other, batch in zip(*parts, whole, strict=True):
        assert sorted(one + other) == sorted(batch)


def test_a_kind_is_operators_and_lengths_of_operands(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["1+2", "4-2", "12+2", "7+0", "1+12", "1+2+3", "12-10", "99+9", "8*1", "1*8+2", "5-9"]
    tokens = to_tokens([Record(f"{text}=", "-10") for text in texts])
    kinds = sorted(kind.tolist() for kind in rows_by_kind(tokens))
    assert kinds == [[0, 3], [1, 10], [2, 7], [4], [5], [6], [8], [9]]
    # In parts as together, whatever the answers' lengths, and no more than there is room for.
    monkeypatch.setattr(batches, "_BLOCK", 3)
    other = to_tokens([Record(f"{text}=", str(i**3)) for i, text in enumerate(texts)])
    assert sorted(kind.tolist() for kind in rows_by_kind(other)) == kinds
    monkeypatch.setattr(batches, "_KEPT", 1)
    first = sorted(kind.tolist() for kind in rows_by_kind(tokens))
    assert first == sorted(kind[:1] for kind in kinds)
