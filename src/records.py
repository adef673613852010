"""The data format: one JSON object a line with prompt, target and text."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from .duplicates import check_distinct
from .errors import UserError
from .files import open_replacing
from .parsing import PRECEDENCES, parse
from .problems import evaluate
from .rows import Rows
from .tokenizer import BOS, EOS, VOCABULARY, CharTokenizer

SPLITS = ("train", "val", "test")

PROMPT = re.compile(r"[0-9]+([-+*/][0-9]+)+=")
_TARGET = re.compile(r"-?[0-9]+")
# Of each token, 0 for those in angle brackets.
_CHARACTERS = np.array([ord(t) if len(t) == 1 else 0 for t in VOCABULARY], np.uint8)
# Some ten thousand lines.
_BLOCK = 2**20
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
    # The format has no character that JSON escapes: a template is 10 times faster than json.
    prompt, target = record
    return f'{{"prompt": "{prompt}", "target": "{target}", "text": "{record.text}"}}\n'


def write_records(path: Path, records: Sequence[Record]) -> None:
    """Write a split; the file appears whole or not at all."""
    with open_replacing(path) as file:
        file.writelines(map(to_line, records))


class Records(Sequence[Record]):
    """A split's problems, kept as token ids: a row becomes a `Record` when it is asked for.

    Attributes:
        tokens: uint8 (n, longest), each text's token ids, padded on the right.
    """

    def __init__(self, tokens: NDArray[np.uint8]) -> None:
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


def to_tokens(records: Sequence[Record]) -> NDArray[np.uint8]:
    """Token ids of each text, padded on the right to the longest: uint8 (n, longest).

    Raises:
        ValueError: for a character outside the vocabulary.
    """
    tokenizer = CharTokenizer()
    rows = [tokenizer.encode(record.text) for record in records]
    tokens = np.full((len(rows), max(map(len, rows), default=0)), tokenizer.pad_id, np.uint8)
    for padded, row in zip(tokens, rows, strict=True):
        padded[: len(row)] = row
    return tokens


def to_records(tokens: NDArray[np.uint8]) -> list[Record]:
    """The way back, see `to_tokens`."""
    # Without <bos>; numpy drops what is 0 behind a text of fixed width, here padding and <eos>.
    texts = _CHARACTERS[tokens[:, 1:]].view(f"S{tokens.shape[1] - 1}").ravel().tolist()
    records = []
    for text in texts:
        prompt, equals, target = text.decode().partition("=")
        records.append(Record(prompt + equals, target))
    return records


def read_records(path: Path) -> Records:
    """Read a split and check each line, in the memory of a few thousand.

    A file of more than 64 MiB of tokens is kept on disk, see `Rows`.

    Raises:
        UserError: for a missing or empty file, or with the line and what is wrong with it.
    """
    # The file does not say how its operators bind, but must be of one mind.
    precedences = list(PRECEDENCES)
    try:
        with Rows(path.parent) as rows:
            for lines in _blocks(path):
                parsed = parse(lines)
                agreeing = [p for p in precedences if parsed and p in parsed.precedences]
                if parsed and agreeing:
                    precedences = agreeing
                    rows.append(parsed.tokens)
                else:
                    # Something is unusual: whoever looks at each line alone can say what.
                    where = f"{path}, line"
                    records, precedences = _one_by_one(lines, precedences, where, len(rows) + 1)
                    rows.append(to_tokens(records))
            if not len(rows):
                raise UserError(f"{path}: holds no problems")
            return Records(rows.table())
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; python -m src.data_gen writes it") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not text: {error}") from None


def read_splits(folder: Path) -> dict[str, Records]:
    """All splits of a data set.

    Raises:
        UserError: as `read_records`, and for a problem that occurs twice.
    """
    splits = {split: read_records(folder / f"{split}.jsonl") for split in SPLITS}
    check_distinct(folder, {split: records.tokens for split, records in splits.items()})
    return splits


def _blocks(path: Path) -> Iterator[bytes]:
    """The file in pieces of whole lines."""
    with path.open("rb") as file:
        rest = b""
        while block := file.read(_BLOCK):
            lines, end, after = block.rpartition(b"\n")
            if end:
                yield rest + lines + end
                rest = after
            else:
                rest += block
        if rest:
            yield rest + b"\n"


def _one_by_one(
    lines: bytes, precedences: list[str], where: str, number: int
) -> tuple[list[Record], list[str]]:
    """The records, and the precedences under which their answers are right too.

    Args:
        where: what an error begins with.
        number: of the first line.
    """
    records: list[Record] = []
    for line in io.StringIO(lines.decode(), newline=None):
        try:
            record = _parse(line)
            precedences = _agreeing(record, precedences)
        except ValueError as error:
            raise UserError(f"{where} {number + len(records)}: {error}") from None
        records.append(record)
    return records, precedences


def _agreeing(record: Record, precedences: list[str]) -> list[str]:
    """Those precedences under which the target is the answer."""
    answers, problem = {}, ""
    for precedence in precedences:
        try:
            answers[precedence] = str(evaluate(record.prompt, precedence))
        except ValueError as error:
            problem = str(error)
    agreeing = [p for p, answer in answers.items() if answer == record.target]
    if not agreeing:
        right = " or ".join(sorted(set(answers.values())))
        raise ValueError(
            f"the answer to {record.prompt} is {right}, not {record.target}" if right else problem
        )
    return agreeing


def _parse(line: str) -> Record:
    try:
        fields = json.loads(line)
        record = Record(fields["prompt"], fields["target"])
        text = fields["text"]
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from None
    except (KeyError, TypeError, RecursionError):
        raise ValueError("not an object with prompt, target and text") from None
    if not (isinstance(record.prompt, str) and PROMPT.fullmatch(record.prompt)):
        raise ValueError(f"prompt {record.prompt!r} is not of the form 554+456=")
    if not (isinstance(record.target, str) and _TARGET.fullmatch(record.target)):
        raise ValueError(f"target {record.target!r} is not a whole number in digits")
    if text != record.text:
        raise ValueError(f"text {text!r} is not {record.text!r}")
    return record
