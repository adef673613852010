"""Problems that occur twice, within a split or in two of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..common.errors import UserError
from ..tokenizer import CharTokenizer
from .permutation import mixed
from .records import Tokens, to_records
from .token_table import TokenTable

# Keys sorted at once, 8 bytes each: 64 MiB. More keys lie on disk, and are read several times, each
# time to sort another part of them.
_KEYS = 2**23
_ROWS = 2**14


def check_distinct(folder: Path, splits: Mapping[str, Tokens]) -> None:
    """Refuse splits in which a problem occurs twice, whatever answers are given to it.

    Problems are told apart by 64-bit keys; those with the same key are compared. Some hundred MB
    of memory are enough, and 8 bytes of disk a problem where there are more than 8 million.

    Args:
        folder: where the splits are from, for the message and for keys on disk.
        splits: token ids of each split's rows, padded with 0.

    Raises:
        UserError: with the split and how many, or with both and an example.
    """
    twice: Counter[str] = Counter()
    shared: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    with TokenTable(folder) as rows:
        for tokens in splits.values():
            for _, some in _keys(tokens):
                rows.append(some.view(np.uint8).reshape(-1, 8))
        keys = rows.table().ravel().view(np.uint64)
    n_parts = -(-len(keys) // _KEYS)
    for part in range(n_parts):
        suspects = _repeated(keys, part, n_parts)
        if not len(suspects):
            continue
        prompts = {split: _prompt_counts(tokens, suspects) for split, tokens in splits.items()}
        for split, counts in prompts.items():
            twice[split] += counts.total() - len(counts)
        for pair in combinations(splits, 2):
            both = prompts[pair[0]].keys() & prompts[pair[1]].keys()
            shared[pair] += len(both)
            if both:
                examples[pair] = min([*both, examples.get(pair, min(both))])
    for split in splits:
        if twice[split]:
            raise UserError(f"{folder / split}.jsonl: {twice[split]} problems occur more than once")
    for pair in combinations(splits, 2):
        if shared[pair]:
            raise UserError(
                f"{folder}: {shared[pair]} problems are in both {pair[0]} and {pair[1]}, "
                f"such as {examples[pair]}"
            )


def repeats(tokens: Tokens) -> dict[int, int]:
    """Rows whose problem stands in an earlier row too, whatever the answers.

    Args:
        tokens: (n, T), token ids padded with 0. 16 bytes of memory a row.

    Returns:
        The first row with the same problem, for each row that repeats one, in ascending order.
    """
    keys = np.concatenate([np.zeros(0, np.uint64), *(some for _, some in _keys(tokens))])
    ascending = np.sort(keys)
    twice = np.unique(ascending[1:][ascending[1:] == ascending[:-1]])
    suspects = np.flatnonzero(np.isin(keys, twice)) if len(twice) else np.zeros(0, np.intp)
    first: dict[str, int] = {}
    found = {}
    for row in suspects.tolist():
        [record] = to_records(tokens[row][None])
        if first.setdefault(record.prompt, row) != row:
            found[row] = first[record.prompt]
    return found


def _keys(tokens: Tokens) -> Iterator[tuple[Tokens, NDArray[np.uint64]]]:
    """Some rows at a time, each with a key of its prompt: without the target and the padding."""
    columns = np.arange(tokens.shape[1])
    for start in range(0, len(tokens), _ROWS):
        rows = tokens[start : start + _ROWS]
        equals = (rows == CharTokenizer.equals_id).argmax(1)
        padded = np.zeros((len(rows), -(-len(columns) // 8) * 8), np.uint8)
        padded[:, : len(columns)] = np.where(columns <= equals[:, None], rows, 0)
        key = np.zeros(len(rows), np.uint64)
        for word in padded.view(np.uint64).T:
            # Words of 0 leave it as it is: rows of another width have more or less padding.
            key = np.where(word > 0, mixed(key + word), key)
        yield rows, key


def _repeated(keys: NDArray[np.uint64], part: int, n_parts: int) -> NDArray[np.uint64]:
    """Keys that occur several times, of those that are `part` modulo n_parts."""
    blocks = (keys[start : start + _KEYS] for start in range(0, len(keys), _KEYS))
    taken = [block[block % np.uint64(n_parts) == part] for block in blocks]
    ascending = np.concatenate(taken)
    taken.clear()
    ascending.sort()
    return np.unique(ascending[1:][ascending[1:] == ascending[:-1]])


def _prompt_counts(tokens: Tokens, suspects: NDArray[np.uint64]) -> Counter[str]:
    """How often each problem with one of these keys occurs."""
    counts: Counter[str] = Counter()
    for rows, keys in _keys(tokens):
        counts.update(record.prompt for record in to_records(rows[np.isin(keys, suspects)]))
    return counts
