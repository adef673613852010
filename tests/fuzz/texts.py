"""Readers of problems, of other people's tables, and of YAML."""

from __future__ import annotations

import json
import random
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from dvc.utils.serialize import parse_yaml

from src.common import yaml_1_2
from src.common.errors import UserError
from src.config import DataConfig, Params
from src.data.description import DESCRIPTION, read_description, write_description
from src.data.formats import PLAIN
from src.data.problems import PRECEDENCES
from src.data.reading import read_distinct, read_records
from src.data.records import Record, Records, to_line
from src.evaluation.difficulty import describe
from src.import_data.gathering import Report, Table
from src.import_data.tables import UNNAMED
from src.params import load_params

from ..conftest import tiny_params
from ..data.test_problems import value
from . import nested
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
YAML = """\
# All kinds of it.
data: &data {A: 0, B: 999, ops: "+", seed: 0o17}
model:
  <<: *data
  name: llama2
  dropout: 1e-1
  compile: off
list:
  - [1, 2.5, .inf, ~, true]
  - "a: b"
text: |
  N: 3
"""


def dvc_yaml(content: str, path: Path) -> Any:
    """What DVC reads; it may fail in any way."""
    with warnings.catch_warnings():
        # Such as of a duplicate anchor, which is allowed.
        warnings.simplefilter("ignore")
        return parse_yaml(content, path)


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


def valid_description(folder: Path) -> list[Path]:
    (folder / "train.jsonl").write_text(RECORDS)
    write_description(folder, tiny_params().data)
    return [folder / DESCRIPTION]


def read_described(path: Path) -> dict[str, Any]:
    told = read_description(path.parent)
    if told is None:
        raise UserError(f"{path}: describes nothing")
    return told


def as_described(path: Path, valid: bytes, told: dict[str, Any]) -> None:
    """What DVC's reader finds in the file is what was told of it."""
    _agree(dvc_yaml(path.read_text(), path), told | {"precedence": None, "format": None})


SMALL = {
    "model": "gpt2",
    "data": {"N": 3, "B": 99, "n_samples": 1000},
    "models": {"gpt2": {"d_model": 32, "dropout": 0.1}},
    "training": {"learning_rate": 1e-3, "init_from": None},
}
STAND_ALONE = {
    "model": {"name": "llama2", "d_model": 64, "rope_theta": 1e4},
    "training": {"max_steps": 100, "warmup_steps": 10},
    "runtime": {"logger": "none"},
}


def yaml_text(valid: bytes, chance: random.Random) -> bytes:
    """As `text`; but a parser in Python takes seconds for a line of megabytes."""
    return text(valid, chance, longest=2**16)


def in_yaml(content: Any) -> str:
    return yaml.safe_dump(content, sort_keys=False, default_flow_style=None)


def changed_params(valid: bytes, chance: random.Random) -> bytes:
    """Entries changed, or bytes."""
    if chance.random() < 0.5:
        return yaml_text(valid, chance)
    return in_yaml(nested.mutate(_parsed(valid), chance)).encode()


@lru_cache(maxsize=8)
def _parsed(valid: bytes) -> Any:
    return yaml.safe_load(valid)


def as_dvc_reads(path: Path, valid: bytes, params: Params) -> None:
    """Every value in the file, as DVC's own reader finds it, is the one that counts."""
    given = dvc_yaml(path.read_text(encoding="utf-8"), path)
    if isinstance(given.get("model"), dict):
        model = given.pop("model")
        given["models"] = {model["name"]: model}
    _agree(given, params.model_dump())


def _agree(theirs: Any, ours: Any) -> None:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key, each in theirs.items():
            if key not in ours:
                raise WrongError("a key that is not known was taken")
            if ours[key] is not None or each is None:
                _agree(each, ours[key])
    elif theirs != ours and not (isinstance(ours, float) and float(theirs) == ours):
        raise WrongError("a value is another than in the file")


def valid_flags(folder: Path) -> list[Path]:
    (folder / "flags.yaml").write_text(in_yaml(SMALL))
    return alone("flags.json", "{}")(folder)


def overridden(valid: bytes, chance: random.Random) -> bytes:
    """Values of flags, by dotted key."""
    content = json.loads(valid)
    changed = {
        f"data.{chance.choice(list(DataConfig.model_fields))}": nested.plain(1, chance)
        for _ in range(chance.randint(1, 2))
    }
    return json.dumps(content | changed).encode()


def read_overridden(path: Path) -> Params:
    """A file with values of flags instead of its own."""
    return load_params(path.parent.with_name("flags.yaml"), json.loads(path.read_bytes()))


def as_flags_say(path: Path, valid: bytes, params: Params) -> None:
    flags = json.loads(path.read_bytes())
    _agree(
        {key.removeprefix("data."): value for key, value in flags.items()}, params.data.model_dump()
    )


def read_as_dvc(path: Path) -> object:
    """What DVC reads too, and reads as the same."""
    content = path.read_bytes().decode(errors="replace")
    try:
        theirs = repr(dvc_yaml(content, path))
    except Exception:
        theirs = "refused"
    try:
        ours = repr(yaml_1_2.parse_yaml(content, path) or {})
    except UserError:
        if theirs != "refused":
            raise WrongError("refused, but DVC reads it") from None
        raise
    if ours != theirs:
        raise WrongError("DVC reads it as another content")
    return ours


READERS = {
    "records.jsonl": Reader(alone("train.jsonl", RECORDS), text, read_split, all_right),
    "test.jsonl": Reader(alone("test.jsonl", RECORDS), text, read_and_skip, all_right),
    "lines.txt": Reader(alone("lines.txt", LINES), text, read_foreign, agreeing_right, named=False),
    "table.csv": Reader(alone("table.csv", TABLE), text, read_foreign, agreeing_right, named=False),
    "pairs.csv": Reader(alone("pairs.csv", PAIRS), text, read_foreign, agreeing_right, named=False),
    "objects.jsonl": Reader(
        alone("objects.jsonl", OBJECTS), text, read_foreign, agreeing_right, named=False
    ),
    "config.yaml": Reader(valid_description, yaml_text, read_described, as_described),
    "params.yaml": Reader(
        alone("params.yaml", *map(in_yaml, (tiny_params().model_dump(), SMALL, STAND_ALONE))),
        changed_params,
        load_params,
        as_dvc_reads,
    ),
    "overrides": Reader(valid_flags, overridden, read_overridden, as_flags_say, named=False),
    "any.yaml": Reader(alone("any.yaml", YAML), yaml_text, read_as_dvc),
}
