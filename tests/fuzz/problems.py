"""Readers of problems, ours and other people's."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from src.common.errors import UserError
from src.data.formats import PLAIN
from src.data.problems import PRECEDENCES
from src.data.reading import read_distinct, read_records
from src.data.records import Record, Records, to_line
from src.evaluation.difficulty import describe
from src.import_data.gathering import Report, Table
from src.import_data.tables import UNNAMED

from ..data.test_problems import value
from .mutations import text
from .reader import Reader, WrongError, alone

RECORDS = "".join(
    map(
        to_line,
        [
            *(Record("1+2=", "3"), Record("50-60=", "-10"), Record("2+3*4=", "20")),
            *(Record(f"{10**40}-007=", str(10**40 - 7)), Record(f"{2**63}+1=", str(2**63 + 1))),
        ],
    )
)
LINES = "1+2=3\n 50 \N{MINUS SIGN} 60 = -10\r\n2+3*4=20\n8 \N{DIVISION SIGN} 4 = 2\n"
TABLE = "id,a,op,b,result\n1,12,+,34,46\n2,5,-,7,-2\n3,8,*,8,64.0\n"
PAIRS = '12+34,46\n5 - 7,-2\n"8*8",64\n'
OBJECTS = '{"prompt": "1 + 2", "target": 3}\n{"prompt": "2-5=", "target": "-3"}\n'


def right(record: Record, precedences: Sequence[str]) -> None:
    """The answer is right under each of these precedences, of which there is at least one."""
    answers = [value(record.prompt, precedence) for precedence in precedences]
    if not answers or any(answer != int(record.target) for answer in answers):
        raise WrongError("a wrong answer was taken")
    if str(int(record.target)) != record.target:
        raise WrongError("a number was taken that is not written as numbers are")


def read_split(path: Path) -> Records:
    """What is read must be gradable too."""
    records = read_records(path)
    assert len(describe(records, PLAIN))
    return records


def all_right(path: Path, valid: bytes, records: Sequence[Record]) -> None:
    """Each answer is right, by a reading of problems that is the tests' own."""
    for record in records:
        right(record, ["left_to_right"])


def read_and_skip(path: Path) -> list[Record]:
    """A test split without its bad rows."""
    skipped: Counter[str] = Counter()
    try:
        records = list(read_distinct(path, skipped))
    except UserError as error:
        # Nothing is left of it, or it is no text.
        if "holds no problems" not in str(error) and "not text" not in str(error):
            raise WrongError("a bad row was not skipped") from error
        raise
    if len({record.prompt for record in records}) < len(records):
        raise WrongError("a problem occurs twice")
    return records


def read_foreign(path: Path) -> Table:
    """Other people's problems."""
    return Table([("train", path)], UNNAMED, Report())


def agreeing_right(path: Path, valid: bytes, table: Table) -> None:
    """What is taken is right, under each precedence that it is said to agree with."""
    for record, row in zip(Records(table.tokens), table.agreeing, strict=True):
        right(record, [name for name, ok in zip(PRECEDENCES, row, strict=True) if ok])
    if not len(table):
        # The command refuses it.
        sys.exit(2)


def _foreign(name: str, content: str) -> Reader:
    return Reader(alone(name, content), text, read_foreign, agreeing_right, named=False)


READERS = {
    "records.jsonl": Reader(alone("train.jsonl", RECORDS), text, read_split, all_right),
    "test.jsonl": Reader(alone("test.jsonl", RECORDS), text, read_and_skip, all_right),
    "lines.txt": _foreign("lines.txt", LINES),
    "table.csv": _foreign("table.csv", TABLE),
    "pairs.csv": _foreign("pairs.csv", PAIRS),
    "objects.jsonl": _foreign("objects.jsonl", OBJECTS),
}
