"""Fuzz the readers: any bytes are read, or refused with a `UserError`; nothing else comes out.

What is read as a problem has the right answer.

python -m tests.fuzz [inputs of each reader]
"""

import io
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path

import torch
import yaml
from dvc.utils.serialize import parse_yaml as dvc_yaml

from src.checkpoint import load_model, save_checkpoint
from src.common.errors import UserError
from src.common.yaml_1_2 import parse_yaml
from src.data.description import DESCRIPTION, read_description, write_description
from src.data.formats import PLAIN
from src.data.problems import PRECEDENCES
from src.data.reading import read_distinct, read_records
from src.data.records import Record, Records
from src.evaluation.difficulty import describe
from src.import_data.gathering import Report, Table
from src.import_data.tables import UNNAMED
from src.models import build_model
from src.params import load_params

from .conftest import tiny_params, write_records
from .data.test_problems import value

# Some are odd in YAML only: numbers and truth values of version 1.1, marks and tabs.
SPICE = (
    b"\x00",
    b"\xff",
    b"-",
    b"0",
    b"9" * 30,
    b"{",
    b"}",
    b'"',
    b"\n",
    b": ",
    b"[",
    b"nan",
    b"!!",
    b"010",
    b"33:20",
    b"1_0",
    b"off",
    b"yes",
    b"\t",
    b"\xef\xbb\xbf",
    b"\nN: 3\n",
    b"&a ",
    b"*a",
    b"<<: ",
    b"? ",
    b",",
    b";",
    b"\r",
    b" ",
    b"=",
    b"x",
    b"null",
    "\N{MINUS SIGN}".encode(),
    "\N{ARABIC-INDIC DIGIT THREE}".encode(),
    "\N{SUPERSCRIPT TWO}".encode(),
)


def mutate(valid: bytes, chance: random.Random) -> bytes:
    """A few bytes changed, inserted, removed, doubled or cut off."""
    content = bytearray(valid)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(content) + 1)
        to = min(len(content), at + chance.randint(1, 20))
        match chance.randrange(5):
            case 0 if content:
                content[at % len(content)] = chance.randrange(256)
            case 1:
                content[at:at] = chance.choice(SPICE)
            case 2:
                del content[at:to]
            case 3:
                content[at:at] = content[at:to]
            case 4 if chance.random() < 0.3:
                del content[at:]
    return bytes(content)


def valid_records(path: Path) -> None:
    write_records(
        path,
        [
            *(Record("1+2=", "3"), Record("50-60=", "-10"), Record("2+3*4=", "20")),
            *(Record(f"{10**40}-007=", str(10**40 - 7)), Record(f"{2**63}+1=", str(2**63 + 1))),
        ],
    )


def read_and_describe(path: Path) -> None:
    """What is read must be gradable too."""
    assert len(describe(read_records(path), PLAIN))


def valid_description(path: Path) -> None:
    write_description(path.parent, tiny_params().data)
    (path.parent / DESCRIPTION).rename(path)


def read_described(path: Path) -> None:
    (path.parent / DESCRIPTION).write_bytes(path.read_bytes())
    if read_description(path.parent) is None:
        raise UserError(f"{path}: describes nothing")


def valid_config(path: Path) -> None:
    path.write_text(yaml.safe_dump(tiny_params().model_dump(), default_flow_style=True))


def valid_checkpoint(path: Path) -> None:
    params = tiny_params(models={"d_model": 8, "d_ff": 8, "n_layers": 1})
    weights = build_model(params.model_config_in_use).state_dict()
    named = {f"model.{name}": weight for name, weight in weights.items()}
    save_checkpoint(path, named, params, {"step": 1})


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


def valid_yaml(path: Path) -> None:
    path.write_text(YAML)


def read_as_dvc(path: Path) -> None:
    """What DVC reads too, and reads as the same; DVC itself may fail in any way."""
    text = path.read_bytes().decode(errors="replace")
    try:
        theirs = repr(dvc_yaml(text, path))
    except Exception:
        theirs = "refused"
    try:
        ours = repr(parse_yaml(text, path) or {})
    except UserError:
        assert theirs == "refused", theirs
        raise
    assert ours == theirs


def valid_lines(path: Path) -> None:
    path.write_text("1+2=3\n 50 \N{MINUS SIGN} 60 = -10\r\n2+3*4=20\n8 \N{DIVISION SIGN} 4 = 2\n")


def valid_table(path: Path) -> None:
    path.write_text("id,a,op,b,result\n1,12,+,34,46\n2,5,-,7,-2\n3,8,*,8,64.0\n")


def valid_pairs(path: Path) -> None:
    path.write_text('12+34,46\n5 - 7,-2\n"8*8",64\n')


def valid_objects(path: Path) -> None:
    path.write_text('{"prompt": "1 + 2", "target": 3}\n{"prompt": "2-5=", "target": "-3"}\n')


def read_foreign(path: Path) -> None:
    """Other people's problems: what is left out counts as refused, what is taken must be right."""
    report = Report()
    with redirect_stdout(io.StringIO()) as told:
        table = Table([("train", path)], UNNAMED, report)
    rows = [[p for p, ok in zip(PRECEDENCES, row, strict=True) if ok] for row in table.agreeing]
    for record, precedences in zip(Records(table.tokens), rows, strict=True):
        check_right(record, precedences)
    if report.counts:
        raise UserError(told.getvalue())


def read_and_skip(path: Path) -> None:
    """A test split without its bad rows."""
    skipped: Counter[str] = Counter()
    try:
        records = list(read_distinct(path, skipped))
    except UserError as error:
        # Nothing is left of it, or it is no text.
        if "holds no problems" not in str(error) and "not text" not in str(error):
            raise AssertionError(f"{error} is no reason to refuse the file") from error
        raise
    if len({record.prompt for record in records}) < len(records):
        raise AssertionError("a problem occurs twice")
    for record in records:
        check_right(record, ["left_to_right"])
    if skipped:
        raise UserError(f"{path}: {skipped}")


def check_right(record: Record, precedences: Sequence[str]) -> None:
    """The answer is right under each of these precedences, of which there is at least one."""
    right = [value(record.prompt, precedence) for precedence in precedences]
    if not right or any(answer != int(record.target) for answer in right):
        raise AssertionError(f"{record} was taken")
    if str(int(record.target)) != record.target:
        raise AssertionError(f"{record} is not written as numbers are")


READERS: dict[str, tuple[Callable[[Path], None], Callable[[Path], object]]] = {
    "records": (valid_records, read_and_describe),
    "test.jsonl": (valid_records, read_and_skip),
    "lines.txt": (valid_lines, read_foreign),
    "table.csv": (valid_table, read_foreign),
    "pairs.csv": (valid_pairs, read_foreign),
    "objects.jsonl": (valid_objects, read_foreign),
    "description": (valid_description, read_described),
    "config": (valid_config, load_params),
    "yaml": (valid_yaml, read_as_dvc),
    "checkpoint": (valid_checkpoint, load_model),
}


def fuzz(reader: str, inputs: int, seed: int, folder: Path) -> tuple[int, int]:
    """Feed mutated files to a reader.

    Returns:
        How many were read, and how many refused.

    Raises:
        AssertionError: with the seed and number of an input that raised anything else.
    """
    write, read = READERS[reader]
    path = folder / reader
    write(path)
    read(path)
    valid = path.read_bytes()
    refused = 0
    for number in range(inputs):
        path.write_bytes(mutate(valid, random.Random(seed * inputs + number)))
        try:
            read(path)
        except UserError as error:
            refused += 1
            if str(path) not in str(error):
                raise AssertionError(f"{reader}: {error} does not name the file") from error
        except Exception as error:
            raise AssertionError(f"{reader}: seed {seed}, input {number}: {error!r}") from error
    return inputs - refused, refused


def main() -> None:
    """Fuzz all readers and print what became of the inputs."""
    inputs = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        for reader in READERS:
            read, refused = fuzz(reader, inputs, random.randrange(10**6), Path(folder))
            print(f"{reader}: {read} read, {refused} refused")


if __name__ == "__main__":
    main()
