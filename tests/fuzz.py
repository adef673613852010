"""Fuzz the readers: any bytes are read, or refused with a `UserError`; nothing else comes out.

python -m tests.fuzz [inputs of each reader]
"""

import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
import yaml

from src.checkpoint import load_model, save_checkpoint
from src.description import DESCRIPTION, read_description, write_description
from src.difficulty import describe
from src.errors import UserError
from src.models import build_model
from src.params import load_params
from src.reading import read_records
from src.records import Record, write_records

from .conftest import tiny_params

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
    assert len(describe(read_records(path)))


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


READERS: dict[str, tuple[Callable[[Path], None], Callable[[Path], object]]] = {
    "records": (valid_records, read_and_describe),
    "description": (valid_description, read_described),
    "config": (valid_config, load_params),
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
