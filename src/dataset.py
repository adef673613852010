"""Tokenized problems, in batches whose order depends on seed and epoch alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset, Sampler

from .errors import UserError
from .records import Record
from .tokenizer import CharTokenizer


class ArithmeticDataset(Dataset[Tensor]):
    """Token ids of ``<bos>554+456=1010<eos>``, a row for each record.

    Args:
        records: what `read_records` returns.

    Attributes:
        tokens: (number of records, longest text), padded on the right; uint8, as the vocabulary
            is small and there may be millions of rows.
        max_len: tokens of the longest text.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        tokenizer = CharTokenizer()
        rows = [torch.tensor(tokenizer.encode(r.text), dtype=torch.uint8) for r in records]
        self.tokens = pad_sequence(rows, batch_first=True, padding_value=tokenizer.pad_id)
        self.max_len = self.tokens.size(1)

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, index: int) -> Tensor:
        """Token ids of one record, (max_len,), padded."""
        return self.tokens[index]

    def __getitems__(self, indices: list[int]) -> Tensor:
        """A whole batch at once, (B, max_len): PyTorch's loader prefers it to single rows."""
        return self.tokens[indices]


def check_length(dataset: ArithmeticDataset, max_seq_len: int, source: Path) -> None:
    """Refuse problems that a model has no positions for.

    Raises:
        UserError: with both lengths.
    """
    if dataset.max_len > max_seq_len:
        raise UserError(
            f"{source}: the longest problem has {dataset.max_len} tokens, "
            f"but the model's max_seq_len = {max_seq_len}"
        )


def collate_fn(rows: Tensor | Sequence[Tensor]) -> dict[str, Tensor]:
    """A batch as the models take it.

    Args:
        rows: padded token ids, (B, max_len) or a sequence of rows.

    Returns:
        input_ids, attention_mask and loss_mask, each (B, T) with T the longest text of the batch.
    """
    tokens = rows if isinstance(rows, Tensor) else torch.stack(list(rows))
    attention_mask = tokens != CharTokenizer.pad_id
    longest = int(attention_mask.sum(1).max())
    input_ids = tokens[:, :longest].long()
    return {
        "input_ids": input_ids,
        "attention_mask": attention_mask[:, :longest].long(),
        "loss_mask": CharTokenizer().make_loss_mask(input_ids),
    }


class EpochSampler(Sampler[int]):
    """A permutation of the rows for each epoch, a function of (seed, epoch)."""

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed((self.seed << 31) + self.epoch)
        return iter(torch.randperm(self.size, generator=generator).tolist())


def make_loader(
    dataset: ArithmeticDataset,
    batch_size: int,
    shuffle_seed: int | None = None,
    num_workers: int = 0,
) -> DataLoader[Tensor]:
    """Batches of a data set; in its own order if there is no shuffle_seed."""
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=None if shuffle_seed is None else EpochSampler(len(dataset), shuffle_seed),
        num_workers=num_workers,
        collate_fn=collate_fn,
        persistent_workers=num_workers > 0,
        # Of its own, or each new iterator would draw from the stream that dropout uses.
        generator=torch.Generator(),
    )
