"""Files of records read, each line checked."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

from .duplicates import check_distinct
from .errors import UserError
from .parsing import PRECEDENCES, parse
from .problems import evaluate
from .records import PROMPT, SPLITS, Record, Records, to_tokens
from .rows import Rows

_TARGET = re.compile(r"-?[0-9]+")
# Some ten thousand lines.
_BLOCK = 2**20


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
