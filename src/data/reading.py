"""Files of records read, each line checked.

Rows that cannot be used are `MALFORMED` (not of the format), `WRONG` (another answer is right) or
`DUPLICATE` (the problem stands in an earlier row).
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from ..common.errors import BadRowError, UserError
from ..common.files import open_regular
from ..common.visible import excerpt
from .description import Convention, read_convention
from .duplicates import check_distinct, repeats
from .formats import Format
from .lines import from_lines
from .problems import PRECEDENCES, are_right
from .records import SPLITS, Record, Records, Tokens, to_tokens
from .token_table import TokenTable

BAD_ROWS = MALFORMED, WRONG, DUPLICATE = "malformed", "wrong", "duplicate"

# Some ten thousand lines.
_BLOCK = 2**20
_LONGEST = 2**24


def read_records(path: Path, skipped: Counter[str] | None = None) -> Records:
    """Read a split and check each line, in the memory of a few thousand.

    How its problems are written, config.yaml beside it says, see `read_convention`. A file of
    more than 64 MiB of tokens is kept on disk, see `TokenTable`.

    Args:
        skipped: counts the rows that are left out, by what is wrong with them; None: none may be.

    Raises:
        BadRowError: with the line and what is wrong with it.
        UserError: for a missing or empty file.
    """
    convention = read_convention(path.parent)
    n_lines = 0
    try:
        with TokenTable(path.parent) as rows:
            for lines in _blocks(path):
                tokens = _read_fast(lines, convention)
                if tokens is not None:
                    rows.append(tokens)
                    n_lines += len(tokens)
                    continue
                # Something is unusual: whoever looks at each line alone can say what.
                records = []
                for line in io.StringIO(lines.decode(), newline=None):
                    n_lines += 1
                    try:
                        records.append(_read_line(line, convention))
                    except BadRowError as error:
                        if skipped is None:
                            where = f"{path}, line {n_lines}"
                            raise BadRowError(error.kind, f"{where}: {error}") from None
                        skipped[error.kind] += 1
                rows.append(to_tokens(records))
            if not len(rows):
                raise UserError(f"{path}: holds no problems")
            return Records(rows.table())
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; python -m src.data_gen writes it") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not text: {error}") from None


def read_distinct(path: Path, skipped: Counter[str] | None = None) -> Records:
    """`read_records`, and no problem twice: of each, the first row counts.

    Raises:
        BadRowError: also for a problem that occurs again, with both lines.
    """
    records = read_records(path, skipped)
    again = repeats(records.tokens)
    if again and skipped is None:
        row, first = next(iter(again.items()))
        message = f"{records[row].prompt} stands in line {first + 1} too"
        raise BadRowError(DUPLICATE, f"{path}, line {row + 1}: {message}")
    if not again or skipped is None:
        return records
    skipped[DUPLICATE] += len(again)
    return Records(np.delete(records.tokens, list(again), axis=0))


def read_splits(folder: Path, read: Mapping[str, Records] | None = None) -> dict[str, Records]:
    """All splits of a data set.

    Args:
        read: those that have been read already.

    Raises:
        UserError: as `read_records`, and for a problem that occurs twice.
    """
    splits = {
        split: read[split] if read and split in read else read_records(folder / f"{split}.jsonl")
        for split in SPLITS
    }
    check_distinct(folder, {split: records.tokens for split, records in splits.items()})
    return splits


def _blocks(path: Path) -> Iterator[bytes]:
    """The file in pieces of whole lines.

    Raises:
        UserError: for a line of more than `_LONGEST` bytes.
    """
    with open_regular(path) as file:
        rest = b""
        while block := file.read(_BLOCK):
            lines, end, after = block.rpartition(b"\n")
            if end:
                yield rest + lines + end
                rest = after
            else:
                rest += block
                if len(rest) > _LONGEST:
                    raise UserError(f"{path}: a line of more than {_LONGEST:,} bytes")
        if rest:
            yield rest + b"\n"


def _read_fast(lines: bytes, convention: Convention) -> Tokens | None:
    """Token ids of whole lines; None if any of them is wrong or written in an unusual way."""
    tokens = from_lines(lines)
    columns = None if tokens is None else convention.format.columns(tokens)
    if columns is None or not are_right(*columns, convention.precedence, convention.modulus):
        return None
    return tokens


def _read_line(line: str, convention: Convention) -> Record:
    """A line of any form that means a record.

    Raises:
        BadRowError: if it means none, or one with another target than the right one.
    """
    try:
        record = _parse(line, convention.format)
    except ValueError as error:
        raise BadRowError(MALFORMED, str(error)) from None
    try:
        right = convention.target(record.prompt)
        wrong = f"the answer to {record.prompt} is {right}, not {record.target}"
    except ValueError as error:
        right, wrong = None, str(error)
    if record.target == right:
        return record
    (other,) = set(PRECEDENCES) - {convention.precedence}
    if _is_right(record, convention._replace(precedence=other)):
        wrong += f"; with {other} precedence it is right: python -m src.import_data"
        wrong += f" --precedence {other}"
    raise BadRowError(WRONG, wrong)


def _is_right(record: Record, convention: Convention) -> bool:
    try:
        return convention.target(record.prompt) == record.target
    except ValueError:
        return False


def _parse(line: str, written: Format) -> Record:
    """A line's record, right or wrong.

    Raises:
        ValueError: with what is wrong with the line.
    """
    try:
        fields = json.loads(line)
        record = Record(fields["prompt"], fields["target"])
        text = fields["text"]
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from None
    except (KeyError, TypeError, RecursionError):
        raise ValueError("not an object with prompt, target and text") from None
    for key, read in (("prompt", written.read_prompt), ("target", written.read_target)):
        value = getattr(record, key)
        if not isinstance(value, str):
            raise ValueError(f"{key} {excerpt(repr(value))} must be a text")
        try:
            read(value)
        except ValueError as error:
            raise ValueError(f"{key} {excerpt(repr(value))} {error}") from None
    if text != record.text:
        raise ValueError(f"text {excerpt(repr(text))} is not {excerpt(repr(record.text))}")
    return record
