"""Tokenized problems as a data set, and the loaders of training and evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from itertools import chain, islice
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, SequentialSampler

from .batches import BatchOrder, Share
from .common.errors import UserError
from .data.records import Record, Records, to_tokens
from .tokenizer import CharTokenizer


class ArithmeticDataset(Dataset[Tensor]):
    """Token ids of ``<bos>554+456=1010<eos>``, a row for each record.

    Args:
        records: what `read_records` returns, or a list of them.

    Attributes:
        tokens: (number of records, longest text), padded on the right; uint8, as the vocabulary
            is small and there may be millions of rows. The rows of a large file stay on disk and
            are read when a batch needs them.
        max_len: tokens of the longest text.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        tokens = records.tokens if isinstance(records, Records) else to_tokens(records)
        self.tokens = torch.from_numpy(tokens)
        self.max_len = self.tokens.size(1)

    @cached_property
    def max_answer_len(self) -> int:
        """Tokens of the longest answer, ``<eos>`` included."""
        mask = CharTokenizer().make_loss_mask
        # In parts: there may be more rows than fit in memory.
        return max(int(mask(rows).sum(1).max()) for rows in self.tokens.split(2**16))

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, index: int) -> Tensor:
        """Token ids of one record, (max_len,), padded."""
        return self.tokens[index]

    def __getitems__(self, indices: list[int]) -> Tensor:
        """A whole batch at once, (B, max_len): PyTorch's loader prefers it to single rows."""
        return self.tokens[indices]


def check_length(dataset: ArithmeticDataset, max_seq_len: int, source: Path) -> None:
    """Refuse problems that are longer than a model's max_seq_len.

    Raises:
        UserError: with both lengths.
    """
    if dataset.max_len > max_seq_len:
        raise UserError(
            f"{source}: the longest problem has {dataset.max_len} tokens, "
            f"but the model's max_seq_len = {max_seq_len}"
        )


def collate_fn(
    rows: Tensor | Sequence[Tensor], width: int | None = None, answer_width: int | None = None
) -> dict[str, Tensor]:
    """A batch in the form that the models take.

    Args:
        rows: padded token ids, (B, max_len) or a sequence of rows; B may be 0.
        width: T; None: the longest text of the batch.
        answer_width: A; None: the longest answer of the batch, ``<eos>`` included.

    Returns:
        input_ids, attention_mask and loss_mask, each (B, T); answer_at, (B, A), the positions whose
        next token belongs to the answer; answer_mask, bool (B, A), False beyond the end of an
        answer that is shorter than A.
    """
    tokens = rows if isinstance(rows, Tensor) else torch.stack(list(rows))
    attention_mask = tokens != CharTokenizer.pad_id
    T = width or _longest(attention_mask.sum(1))
    input_ids = tokens[:, :T].long()
    loss_mask = CharTokenizer().make_loss_mask(input_ids)
    lengths = loss_mask.sum(1, keepdim=True)  # (B, 1)
    nth = torch.arange(answer_width or _longest(lengths))
    first = loss_mask.argmax(1, keepdim=True) - 1
    return {
        "input_ids": input_ids,
        "attention_mask": attention_mask[:, :T].long(),
        "loss_mask": loss_mask,
        # Beyond the end of an answer: the last position that the model reads.
        "answer_at": (first + nth).clamp(max=T - 2),
        "answer_mask": nth < lengths,
    }


def _longest(lengths: Tensor) -> int:
    # Without rows: any width with room for a position that answers.
    return int(lengths.max()) if len(lengths) else 2


class TrainLoader(DataLoader[Tensor]):
    """Training batches in a `BatchOrder`, at a position that Lightning saves and restores.

    Args:
        rank, size: of the processes that share each batch, see `Share`.
        trim: whether to cut each batch to its longest text; otherwise all batches have the width of
            the longest of all, so that a compiled model sees one shape.
        accumulate: batches of an optimizer step. With several, or several processes, each batch
            comes with the counts of the whole step, see `_with_counts`.
    """

    def __init__(
        self,
        dataset: ArithmeticDataset,
        order: BatchOrder,
        num_workers: int = 0,
        trim: bool = True,
        rank: int = 0,
        size: int = 1,
        accumulate: int = 1,
    ) -> None:
        widths = (None, None) if trim else (dataset.max_len, dataset.max_answer_len)
        super().__init__(
            dataset,
            batch_sampler=Share(order, rank, size),
            num_workers=num_workers,
            collate_fn=partial(collate_fn, width=widths[0], answer_width=widths[1]),
            # Its own, or each new iterator would draw from the generator that dropout uses.
            generator=torch.Generator(),
        )
        self.order, self.accumulate = order, accumulate
        self.whole = size == accumulate == 1

    def __iter__(self) -> Iterator[dict[str, Tensor]]:  # type: ignore[override]
        batches = super().__iter__()
        return batches if self.whole else self._with_counts(batches)

    def _with_counts(self, batches: Iterator[dict[str, Tensor]]) -> Iterator[dict[str, Tensor]]:
        """Add token counts of the whole optimizer step, over all its batches and processes.

        step_answers: answer tokens, step_tokens: tokens read. They are counted from the order of
        the rows, without communication.
        """
        order, tokens = iter(self.order), self.dataset.tokens  # type: ignore[attr-defined]
        while rows := list(chain.from_iterable(islice(order, self.accumulate))):
            texts = tokens[rows]
            counts = {
                "step_answers": CharTokenizer().make_loss_mask(texts).sum(),
                "step_tokens": (texts[:, 1:] != CharTokenizer.pad_id).sum(),
            }
            for batch in islice(batches, self.accumulate):
                yield batch | counts

    def state_dict(self) -> dict[str, int]:
        """The first batch of this process; only the training loop knows how far it has come."""
        return {"start": self.order.start}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Begin at the batch where an earlier process stopped."""
        self.order.start = state["start"]


def eval_loader(
    dataset: ArithmeticDataset, batch_size: int, rank: int = 0, size: int = 1
) -> DataLoader[Tensor]:
    """Batches in the data set's own order, or a `Share` of each."""
    batches = BatchSampler(SequentialSampler(dataset), batch_size, drop_last=False)
    return DataLoader(
        dataset,
        batch_sampler=Share(batches, rank, size),
        collate_fn=collate_fn,
        generator=torch.Generator(),
    )
