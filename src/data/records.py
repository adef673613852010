"""The data format: one JSON object a line with prompt, target and text; a prompt ends with ``=``.

How operands, operators and an answer become prompt and target is a matter of `formats`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from ..tokenizer import BOS, EOS, VOCABULARY, CharTokenizer

Tokens = NDArray[np.uint8]

SPLITS = ("train", "val", "test")

# What stands in a line before the prompt, before the target, before both again, and at the end.
LINE = ('{"prompt": "', '", "target": "', f'", "text": "{BOS}', f'{EOS}"}}\n')

# The character of each token, 0 for those in angle brackets.
_CHARACTERS = np.array([ord(t) if len(t) == 1 else 0 for t in VOCABULARY], np.uint8)
# The token of each character, `UNKNOWN` for those outside the vocabulary.
UNKNOWN = 255
IDS = np.full(256, UNKNOWN, np.uint8)
IDS[_CHARACTERS] = np.arange(len(VOCABULARY))
IDS[0] = UNKNOWN
_DECODED = 2**12


class Record(NamedTuple):
    """One problem and its answer.

    >>> Record("554+456=", "1010").text
    '<bos>554+456=1010<eos>'
    """

    prompt: str
    target: str

    @property
    def text(self) -> str:
        """What a model is trained on."""
        return f"{BOS}{self.prompt}{self.target}{EOS}"


def to_line(record: Record) -> str:
    """A record as it is written.

    >>> print(to_line(Record("554+456=", "1010")), end="")
    {"prompt": "554+456=", "target": "1010", "text": "<bos>554+456=1010<eos>"}
    """
    # The vocabulary has no character that JSON escapes: joining is 10 times faster than json.
    before_prompt, before_target, before_both, end = LINE
    prompt, target = record
    return f"{before_prompt}{prompt}{before_target}{target}{before_both}{prompt}{target}{end}"


class Records(Sequence[Record]):
    """A split's problems, kept as token ids: a row becomes a `Record` when it is asked for.

    Attributes:
        tokens: uint8 (n, longest), each text's token ids, padded on the right.
    """

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens

    def __len__(self) -> int:
        return len(self.tokens)

    def __iter__(self) -> Iterator[Record]:
        for start in range(0, len(self), _DECODED):
            yield from to_records(self.tokens[start : start + _DECODED])

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        if isinstance(index, slice):
            return to_records(self.tokens[index])
        return to_records(self.tokens[index][None])[0]


def to_tokens(records: Sequence[Record]) -> Tokens:
    """Token ids of each text, padded on the right to the longest: uint8 (n, longest).

    Raises:
        ValueError: for a character outside the vocabulary.
    """
    tokenizer = CharTokenizer()
    rows = [tokenizer.encode(record.text) for record in records]
    tokens = np.full((len(rows), max(map(len, rows), default=2)), tokenizer.pad_id, np.uint8)
    for padded, row in zip(tokens, rows, strict=True):
        padded[: len(row)] = row
    return tokens


def enclosed(ids: Tokens, lengths: NDArray[np.int64]) -> Tokens:
    """``<bos>`` put in front of each row, and ``<eos>`` behind: (n, T + 2).

    Args:
        ids: (n, T), token ids of prompts and targets, padded on the right.
        lengths: (n,), of each row without padding.
    """
    tokens = np.full((len(ids), ids.shape[1] + 2), CharTokenizer.pad_id, np.uint8)
    tokens[:, 0] = CharTokenizer.bos_id
    tokens[:, 1:-1] = ids
    tokens[np.arange(len(ids)), lengths + 1] = CharTokenizer.eos_id
    return tokens


def to_records(tokens: Tokens) -> list[Record]:
    """The way back, see `to_tokens`."""
    # Without <bos>; numpy drops what is 0 behind a text of fixed width, here padding and <eos>.
    texts = _CHARACTERS[tokens[:, 1:]].view(f"S{tokens.shape[1] - 1}").ravel().tolist()
    records = []
    for text in texts:
        prompt, equals, target = text.decode().partition("=")
        records.append(Record(prompt + equals, target))
    return records
