"""Files of records read, each line checked.

Rows that cannot be used are `MALFORMED` (not of the format), `WRONG` (another answer is right) or
`DUPLICATE` (the problem stands in an earlier row).
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..common.errors import BadRowError, UserError
from .duplicates import check_distinct, repeats
from .parsing import PRECEDENCES, parse
from .problems import evaluate
from .records import PROMPT, SPLITS, Record, Records, to_tokens
from .token_table import Rows

BAD_ROWS = MALFORMED, WRONG, DUPLICATE = "malformed", "wrong", "duplicate"

_TARGET = re.compile(r"-?[0-9]+")
# Some ten thousand lines.
_BLOCK = 2**20


def read_records(path: Path, skipped: Counter[str] | None = None) -> Records:
    """Read a split and check each line, in the memory of a few thousand.

    A file of more than 64 MiB of tokens is kept on disk, see `Rows`.

    Args:
        skipped: counts the rows that are left out, by what is wrong with them; None: none may be.

    Raises:
        BadRowError: with the line and what is wrong with it.
        UserError: for a missing or empty file.
    """
    # The file does not say how its operators bind, but must be of one mind.
    precedences = list(PRECEDENCES)
    n_lines = 0
    try:
        with Rows(path.parent) as rows:
            for lines in _blocks(path):
                parsed = parse(lines)
                still = [p for p in precedences if parsed and p in parsed.precedences]
                if parsed and still:
                    precedences = still
                    rows.append(parsed.tokens)
                    n_lines += len(parsed.tokens)
                    continue
                # Something is unusual: whoever looks at each line alone can say what.
                records = []
                for line in io.StringIO(lines.decode(), newline=None):
                    n_lines += 1
                    try:
                        record = _parse(line)
                        precedences = agreeing(record, precedences)
                    except BadRowError as error:
                        if skipped is None:
                            where = f"{path}, line {n_lines}"
                            raise BadRowError(error.kind, f"{where}: {error}") from None
                        skipped[error.kind] += 1
                    else:
                        records.append(record)
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


def agreeing(record: Record, precedences: Sequence[str]) -> list[str]:
    """Those precedences under which the target is the answer.

    Raises:
        BadRowError: if there is none, with what would be right.
    """
    answers, problem = {}, ""
    for precedence in precedences:
        try:
            answers[precedence] = str(evaluate(record.prompt, precedence))
        except ValueError as error:
            problem = str(error)
    found = [p for p, answer in answers.items() if answer == record.target]
    if not found:
        right = " or ".join(sorted(set(answers.values())))
        raise BadRowError(
            WRONG,
            f"the answer to {record.prompt} is {right}, not {record.target}" if right else problem,
        )
    return found


def _parse(line: str) -> Record:
    try:
        return _record(line)
    except ValueError as error:
        raise BadRowError(MALFORMED, str(error)) from None


def _record(line: str) -> Record:
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
