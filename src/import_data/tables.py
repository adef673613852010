"""Lines, tables and JSON objects of problems that other people made, read line by line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..common.errors import BadRowError, UserError
from ..common.files import open_regular
from ..data.problems import OPERATORS
from ..terminal.counted import counted
from .notation import NO_PROBLEM, shown

# Names of columns and keys that say themselves what they hold.
PROBLEM = ("prompt", "problem", "question", "input", "expression", "equation")
ANSWER = ("target", "answer", "result", "output", "solution", "completion", "label")
# Beside a prompt, it repeats it; alone, it is all there is.
TEXT = "text"
PARTS = (("a", "op", "b"), ("x", "op", "y"), ("a", "operator", "b"), ("x", "operator", "y"))


class Columns(NamedTuple):
    """Which columns or keys hold a problem and its answer.

    Attributes:
        problem: those whose texts make up the problem one after the other; an operator among them
            stands for itself. Empty: not known yet.
        answer: None: it stands behind the problem, or is not known yet.
    """

    problem: tuple[str, ...] = ()
    answer: str | None = None


UNNAMED = Columns()


class Row(NamedTuple):
    """A problem and its answer as they are written, see `notation.to_record`."""

    problem: str
    answer: str | None


Rows = Iterator[tuple[int, Row | BadRowError]]


def read_rows(path: Path, named: Columns) -> Rows:
    """Number and content of each line that is not empty, or what is wrong with it.

    Args:
        path: .txt: a problem a line; .csv and .tsv: with or without a head; .jsonl: an object a
            line.
        named: columns that a person named; the others must say themselves what they hold.

    Raises:
        UserError: for a file of another kind, and one whose columns do not say what they hold.
        OSError: for a file that cannot be read.
    """
    if path.suffix.lower() not in _READERS:
        raise UserError(f"{path}: must end in {', '.join(_READERS)}, by what it holds")
    yield from _READERS[path.suffix.lower()](path, named)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with open_regular(path) as opened:
        start = opened.read(2)
        opened.seek(0)
        # Excel's "Unicode text" is UTF-16.
        encoding = "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        # Bytes that are no text become part of a line that is no problem.
        file = io.TextIOWrapper(opened, encoding, errors="replace")
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line.rstrip("\n")


def _read_lines(path: Path, named: Columns) -> Rows:
    for number, line in _lines(path):
        yield number, Row(line, None)


def _read_table(path: Path, named: Columns) -> Rows:
    """A line is a row: no problem has a line break in it, so a quote hides no more than one."""
    lines = _lines(path)
    number, first = next(lines, (0, ""))
    if not first:
        return
    delimiter = "\t" if path.suffix.lower() == ".tsv" else max(",;\t", key=first.count)
    try:
        head = _cells(first, delimiter)
    except csv.Error as error:
        raise UserError(f"{path}, line {number}: {error}") from None
    rows: list[tuple[int, str]] = []
    if head[0][:1].isdigit():
        # There is no head: the columns are named by their numbers.
        rows, operators = [(number, first)], set(head[1:-1:2]) <= set(OPERATORS)
        head = [str(i + 1) for i in range(len(head))]
        if not named.problem and (len(head) == 2 or (len(head) > 3 and operators)):
            named = Columns(tuple(head[:-1]), named.answer or head[-1])
    columns = choose(head, named, path)
    for rest in (rows, lines):
        for number, line in rest:
            try:
                cells = _cells(line, delimiter)
            except csv.Error as error:
                yield number, BadRowError(NO_PROBLEM, f"{shown(line)}: {error}")
                continue
            if len(cells) < len(head) or any(cells[len(head) :]):
                wrong = f"{shown(line)} has {counted(len(cells), 'column')}, not {len(head)}"
                yield number, BadRowError(NO_PROBLEM, wrong)
            else:
                yield number, _row(dict(zip(head, cells, strict=False)), columns)


def _cells(line: str, delimiter: str) -> list[str]:
    [cells] = csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True)
    return [cell.strip() for cell in cells]


def _read_objects(path: Path, named: Columns) -> Rows:
    columns: Columns | None = None
    for number, line in _lines(path):
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            yield number, BadRowError(NO_PROBLEM, f"{shown(line)} is not a JSON object")
            continue
        # All objects have the keys of the first.
        columns = columns or choose(list(fields), named, path)
        yield number, _row(fields, columns)


def _row(fields: dict[str, Any], columns: Columns) -> Row | BadRowError:
    parts = []
    for name in (*columns.problem, *([columns.answer] if columns.answer else [])):
        value = fields.get(name, name if name in OPERATORS else None)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return BadRowError(NO_PROBLEM, f"no text and no number at {shown(name)}")
        parts.append(str(value))
    if columns.answer is None:
        return Row(" ".join(parts), None)
    return Row(" ".join(parts[:-1]), parts[-1])


def choose(names: Sequence[str], named: Columns, path: Path) -> Columns:
    """Which of a file's columns hold problem and answer.

    >>> choose(["id", "Question", "Answer"], Columns(), Path("sums.csv"))
    Columns(problem=('Question',), answer='Answer')
    >>> choose(["a", "op", "b", "result"], Columns(), Path("sums.csv"))
    Columns(problem=('a', 'op', 'b'), answer='result')
    >>> choose(["sum", "n"], Columns(("sum",), "n"), Path("sums.csv"))
    Columns(problem=('sum',), answer='n')

    Args:
        named: what a person said.

    Raises:
        UserError: if that is not clear, or a column that was named is not there.
    """
    there = f"its columns: {', '.join(map(shown, names[:20]))}"
    for name in (*named.problem, *([named.answer] if named.answer else [])):
        if name not in names and not (name in named.problem and name in OPERATORS):
            raise UserError(f"{path}: has no column {name}; {there}")
    plain = {name.strip().lower(): name for name in names}
    if not (problem := named.problem):
        found: list[tuple[str, ...]] = [(plain[name],) for name in PROBLEM if name in plain]
        found += [
            tuple(map(plain.__getitem__, parts)) for parts in PARTS if plain.keys() >= {*parts}
        ]
        if not found and TEXT in plain:
            found = [(plain[TEXT],)]
        if len(found) != 1:
            which = " or ".join(map(" ".join, found)) or "none"
            raise UserError(
                f"{path}: --problem must say which columns hold the problem, as {which} of them "
                f"could; {there}"
            )
        problem = found[0]
    if answer := named.answer:
        return Columns(problem, answer)
    answers = [plain[name] for name in ANSWER if name in plain and plain[name] not in problem]
    if len(answers) > 1 or (not answers and len(problem) > 1):
        which = " or ".join(answers) or "none"
        raise UserError(
            f"{path}: --answer must say which column holds the answer, as {which} of them could; "
            f"{there}"
        )
    return Columns(problem, answers[0] if answers else None)


_READERS = {
    ".txt": _read_lines,
    ".csv": _read_table,
    ".tsv": _read_table,
    ".jsonl": _read_objects,
}
