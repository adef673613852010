"""Problems of several files in one table, and which of them make a data set together."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..common.errors import BadRowError, UserError
from ..data.duplicates import repeats
from ..data.problems import PRECEDENCES
from ..data.reading import DUPLICATE
from ..data.records import SPLITS, Record, to_records, to_tokens
from ..data.token_table import TokenTable
from ..terminal.say import say
from .notation import agreeing, to_record
from .tables import Columns, read_rows

_SHOWN = 10
_CHUNK = 2**13


class Report:
    """Rows that are left out: all counted by kind, and a line for the first ten of each."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def leave_out(self, path: Path, line: int, error: BadRowError) -> None:
        """Count one row, and print it if it is among the first of its kind."""
        self.counts[error.kind] += 1
        if self.counts[error.kind] <= _SHOWN:
            say(f"{path}, line {line}: {error}")

    def __str__(self) -> str:
        return ", ".join(f"{n:,} {kind}" for kind, n in self.counts.items()) or "nothing"


class Table:
    """Rows of several files that are right under some precedence.

    Attributes:
        tokens: (n, longest), see `records.Records`.
        agreeing: bool (n, precedences), under which of `PRECEDENCES` each answer is right.
    """

    def __init__(self, sources: Sequence[tuple[str, Path]], named: Columns, report: Report) -> None:
        self.sources = sources
        self._source, self._line = array("i"), array("q")
        masks = array("b")
        with TokenTable(Path()) as rows:
            right = self._right(named, report)
            while chunk := list(islice(right, _CHUNK)):
                rows.append(to_tokens([record for record, _ in chunk]))
                masks.extend(mask for _, mask in chunk)
            self.tokens = rows.table()
        bits = np.frombuffer(masks, np.int8)[:, None] >> np.arange(len(PRECEDENCES))
        self.agreeing = (bits & 1).astype(np.bool_)

    def __len__(self) -> int:
        return len(self.tokens)

    def _right(self, named: Columns, report: Report) -> Iterator[tuple[Record, int]]:
        """Records, each with the precedences as bits."""
        for source, (_, path) in enumerate(self.sources):
            for line, row in read_rows(path, named):
                try:
                    if isinstance(row, BadRowError):
                        raise row
                    record, precedences = to_record(*row)
                except BadRowError as error:
                    report.leave_out(path, line, error)
                else:
                    self._source.append(source)
                    self._line.append(line)
                    yield record, sum(1 << PRECEDENCES.index(name) for name in precedences)

    def record(self, row: int) -> Record:
        """One of the rows."""
        return to_records(self.tokens[row][None])[0]

    def place(self, row: int) -> tuple[Path, int]:
        """The file and line that a row is from."""
        return self.sources[self._source[row]][1], self._line[row]

    def splits(self) -> NDArray[np.int8]:
        """Of each row the number in `SPLITS`: (n,)."""
        of_source = np.array([SPLITS.index(split) for split, _ in self.sources], np.int8)
        return of_source[np.frombuffer(self._source, np.int32)]


def choose_precedence(
    table: Table, report: Report, wanted: str | None
) -> tuple[str, NDArray[np.bool_]]:
    """The precedence of all rows that stay, and which do: bool (n,).

    Where nothing is wanted and all rows agree with both, it is the one of params.yaml's default.

    Raises:
        UserError: if some are right under one only and others under another only.
    """
    if wanted:
        keep = table.agreeing[:, PRECEDENCES.index(wanted)]
        for row in np.flatnonzero(~keep).tolist():
            try:
                agreeing(table.record(row), [wanted])
            except BadRowError as error:
                report.leave_out(*table.place(row), error)
        return wanted, keep
    if not table.agreeing.all(0).any():
        first = [int((~right).argmax()) for right in table.agreeing.T]
        examples = " and ".join(
            f"{path}, line {line}, is wrong under {name}"
            for name, (path, line) in zip(PRECEDENCES, map(table.place, first), strict=True)
        )
        raise UserError(f"{examples}: --precedence must say which one is meant")
    chosen = PRECEDENCES[int(table.agreeing.all(0).argmax())]
    return chosen, np.ones(len(table), np.bool_)


def drop_duplicates(table: Table, keep: NDArray[np.bool_], report: Report, drop: bool) -> None:
    """Take repeated problems out of those that are kept.

    Raises:
        UserError: with the first of them, unless they are to be dropped.
    """
    rows = np.flatnonzero(keep)
    again = repeats(table.tokens if len(rows) == len(table) else table.tokens[rows])
    for row, first in again.items():
        (path, line), (where, earlier) = table.place(rows[row]), table.place(rows[first])
        message = f"{table.record(rows[row]).prompt} stands in {where}, line {earlier}, too"
        if not drop:
            raise UserError(
                f"{path}, line {line}: {message}; --drop_duplicates leaves such rows out, "
                f"{len(again):,} in all"
            )
        report.leave_out(path, line, BadRowError(DUPLICATE, message))
        keep[rows[row]] = False
