"""Batches: padded to their longest row, in an order that depends on seed and epoch alone."""

from itertools import chain
from pathlib import Path

import pytest
import torch

from src.dataset import (
    ArithmeticDataset,
    BatchOrder,
    TrainLoader,
    check_length,
    collate_fn,
    eval_loader,
)
from src.errors import UserError
from src.records import Record

RECORDS = [Record("1+2=", "3"), Record("50+50=", "100"), Record("7-9=", "-2")]


def test_a_batch_is_trimmed_to_its_longest_row() -> None:
    dataset = ArithmeticDataset(RECORDS)
    assert dataset.max_len == 11
    batch = collate_fn(dataset.__getitems__([0, 2]))
    assert batch["input_ids"].tolist() == [
        [1, 4, 13, 5, 17, 6, 2, 0],
        [1, 10, 14, 12, 17, 14, 5, 2],
    ]
    assert batch["attention_mask"].sum(1).tolist() == [7, 8]
    assert batch["loss_mask"].tolist() == [[0, 0, 0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 0, 1, 1, 1]]
    assert {tensor.dtype for tensor in batch.values()} == {torch.long}


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
    epochs = [list(chain(*batches(order)[i : i + 7])) for i in (0, 7, 14)]
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
