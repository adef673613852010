"""Batches: padded to their longest row, in an order that depends on seed and epoch alone."""

import tracemalloc
from itertools import chain, islice
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from src.batches import BatchOrder
from src.common.errors import UserError
from src.data.reading import read_records
from src.data.records import Record
from src.dataset import ArithmeticDataset, TrainLoader, check_length, collate_fn, eval_loader

RECORDS = [Record("1+2=", "3"), Record("50+50=", "100"), Record("7-9=", "-2")]


def test_a_batch_is_trimmed_to_its_longest_row_unless_a_width_is_given() -> None:
    dataset = ArithmeticDataset(RECORDS)
    assert dataset.max_len == 11
    batch = collate_fn(dataset.__getitems__([0, 2]))
    assert batch["input_ids"].tolist() == [
        [1, 4, 13, 5, 17, 6, 2, 0],
        [1, 10, 14, 12, 17, 14, 5, 2],
    ]
    assert batch["attention_mask"].sum(1).tolist() == [7, 8]
    assert batch["loss_mask"].tolist() == [[0, 0, 0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 0, 1, 1, 1]]
    # Where "3<eos>" and "-2<eos>" are said; the first has ended then.
    assert batch["answer_at"].tolist() == [[4, 5, 6], [4, 5, 6]]
    assert batch["answer_mask"].tolist() == [[True, True, False], [True, True, True]]
    wider = collate_fn(dataset.tokens[[0, 2]], width=9, answer_width=4)
    assert wider["input_ids"].shape == (2, 9)
    assert wider["answer_at"].tolist() == [[4, 5, 6, 7], [4, 5, 6, 7]]
    assert wider["answer_mask"].sum(1).tolist() == [2, 3]


def test_rows_one_by_one_and_together_make_the_same_batch() -> None:
    dataset = ArithmeticDataset(RECORDS)
    together = collate_fn(dataset.__getitems__([2, 0]))
    single = collate_fn([dataset[2], dataset[0]])
    assert all(torch.equal(together[name], single[name]) for name in together)


def batches(order: BatchOrder) -> list[list[int]]:
    return list(order)


def test_each_epoch_is_another_permutation_of_all_rows() -> None:
    order = BatchOrder(size=50, batch_size=8, n_batches=21, seed=3)
    assert len(batches(order)) == len(order) == 3 * order.per_epoch == 21
    # Epochs follow each other within a batch: all have the same size.
    assert {len(batch) for batch in batches(order)} == {8}
    rows = list(chain(*batches(order)))
    epochs = [rows[i : i + 50] for i in (0, 50, 100)]
    assert all(sorted(epoch) == list(range(50)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert batches(order) == batches(BatchOrder(50, 8, 21, seed=3))
    assert batches(order) != batches(BatchOrder(50, 8, 21, seed=4))


def test_a_run_ends_in_the_middle_of_an_epoch_and_starts_anywhere() -> None:
    whole = batches(BatchOrder(size=50, batch_size=8, n_batches=17, seed=3))
    assert len(whole) == 17
    for start in (1, 6, 7, 8, 16, 17):
        order = BatchOrder(size=50, batch_size=8, n_batches=17, seed=3)
        order.start = start
        assert batches(order) == whole[start:]


@pytest.mark.parametrize("num_workers", [1, 2])
def test_order_does_not_depend_on_the_number_of_workers(num_workers: int) -> None:
    dataset = ArithmeticDataset([Record(f"{i}+{i}=", f"{2 * i}") for i in range(40)])
    alone = list(TrainLoader(dataset, BatchOrder(40, 8, 12, seed=5)))
    helped = list(TrainLoader(dataset, BatchOrder(40, 8, 12, seed=5), num_workers))
    assert len(alone) == len(helped) == 12
    for one, other in zip(alone, helped, strict=True):
        assert torch.equal(one["input_ids"], other["input_ids"])


def test_iterating_does_not_move_the_global_random_state() -> None:
    dataset = ArithmeticDataset(RECORDS)
    before = torch.get_rng_state()
    list(TrainLoader(dataset, BatchOrder(3, 2, 4, seed=5)))
    list(eval_loader(dataset, 2))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_problem_too_long_for_the_model_is_refused_with_both_lengths() -> None:
    dataset = ArithmeticDataset(RECORDS)
    check_length(dataset, 11, Path("train.jsonl"))
    with pytest.raises(UserError, match=r"train.jsonl: .*11 tokens.*max_seq_len = 10"):
        check_length(dataset, 10, Path("train.jsonl"))


def test_records_that_were_read_and_a_list_of_them_are_the_same_rows(data_dir: Path) -> None:
    records = read_records(data_dir / "val.jsonl")
    one, other = ArithmeticDataset(records), ArithmeticDataset(list(records))
    assert torch.equal(one.tokens, other.tokens)
    # No copy: a large file stays where it is.
    assert one.tokens.data_ptr() == records.tokens.ctypes.data


@pytest.mark.parametrize("num_workers", [0, 1])
def test_rows_on_disk_make_the_same_batches(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, num_workers: int
) -> None:
    in_memory = ArithmeticDataset(read_records(data_dir / "train.jsonl"))
    monkeypatch.setattr("src.data.token_table._IN_MEMORY", 100)
    on_disk = ArithmeticDataset(read_records(data_dir / "train.jsonl"))
    loaders = [
        TrainLoader(dataset, BatchOrder(len(dataset), 8, 12, seed=5), num_workers)
        for dataset in (in_memory, on_disk)
    ]
    for one, other in zip(*loaders, strict=True):
        assert torch.equal(one["input_ids"], other["input_ids"])


def test_the_order_of_huge_data_takes_no_memory_and_resumes_at_once() -> None:
    size = 10**12
    order = BatchOrder(size, 64, n_batches=2 * size // 64, seed=3)
    order.start = size // 64 - 1
    tracemalloc.start()
    rows = list(chain(*islice(order, 100)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**22
    # The last batch of an epoch, then another epoch.
    assert len(set(rows)) == len(rows) == 6400  # 10^12 is a multiple of 64
    assert 0 <= min(rows) < size / 100
    assert size > max(rows) > size * 0.99


@given(
    st.integers(1, 300), st.integers(1, 40), st.integers(1, 60), st.integers(0, 2**32), st.data()
)
def test_any_order_is_that_of_its_epochs(
    size: int, batch_size: int, n_batches: int, seed: int, data: st.DataObject
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("src.batches._ROWS", data.draw(st.integers(1, 100)))
        whole = batches(BatchOrder(size, batch_size, n_batches, seed))
    assert len(whole) == n_batches
    assert {len(batch) for batch in whole} == {batch_size}
    rows = list(chain(*whole))
    for start in range(0, len(rows) - size + 1, size):
        assert sorted(rows[start : start + size]) == list(range(size))
    order = BatchOrder(size, batch_size, n_batches, seed)
    order.start = data.draw(st.integers(0, n_batches))
    assert batches(order) == whole[order.start :]
