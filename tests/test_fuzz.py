"""The fuzz sees what can go wrong, and finds nothing of it in our readers."""

import itertools
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.common.errors import UserError

from .fuzz.__main__ import READERS
from .fuzz.reader import Reader, WrongError, alone
from .fuzz.run import Plan, fuzz
from .fuzz.trial import HANG, MEMORY, MESSAGE, READ, REFUSED, UNCAUGHT, WRONG, outcome, status


def keep(valid: bytes, chance: random.Random) -> bytes:
    """An input that is the number of those before."""
    return valid


def judged_wrong(path: Path, valid: bytes, result: Any) -> None:
    raise WrongError("another meaning")


def told(message: str) -> Callable[[Path], None]:
    """A reader that refuses everything, and prints its reason itself."""

    def read(path: Path) -> None:
        print(message.replace("PATH", str(path)), file=sys.stderr)
        sys.exit(2)

    return read


def refuse(path: Path) -> None:
    raise UserError(f"{path}: no good")


def loop(path: Path) -> None:
    while True:
        pass


def swallow(path: Path) -> None:
    """Memory that there is none of, refused in words that do not tell."""
    try:
        np.zeros(2**50)
    except MemoryError:
        raise UserError(f"{path}: damaged") from None


def test_what_can_become_of_an_input_is_told_apart(tmp_path: Path) -> None:
    def found(read: Callable[[Path], Any], **judge: Any) -> str:
        reader = Reader(alone("x.txt", "x"), keep, read, **judge)
        return outcome(reader, path, b"x", seconds=0.2).kind

    (path,) = alone("x.txt", "x")(tmp_path)
    assert found(Path.read_text) == READ
    assert found(refuse) == found(told("error: PATH: no good")) == REFUSED
    assert found(told("error: no good")) == MESSAGE
    assert found(told("PATH: no good")) == MESSAGE
    assert found(told("error: PATH: no\ngood")) == MESSAGE
    assert found(told("error: PATH: \x1b[2J")) == MESSAGE
    assert found(told("error: PATH: \N{RIGHT-TO-LEFT OVERRIDE}")) == MESSAGE
    assert found(told("error: PATH: " + "x" * 3000)) == MESSAGE
    assert found(lambda path: print("\x1b[2J")) == MESSAGE
    assert found(lambda path: {"a": 1}["b"]) == UNCAUGHT
    assert found(lambda path: int("x")) == UNCAUGHT
    assert found(Path.read_text, judge=judged_wrong) == WRONG
    assert found(loop) == HANG
    # Not to be interrupted, but seen afterwards.
    assert found(lambda path: sum(itertools.repeat(1, 10**8))) == HANG
    assert found(lambda path: np.zeros(2**50)) == MEMORY
    assert found(swallow) == MEMORY
    # More than this process ever had, which other tests may have made large.
    beyond = status("VmPeak") - status("VmSize") + 2**29
    assert found(lambda path: np.empty(beyond, np.uint8).size) == MEMORY


def dies(path: Path) -> None:
    """Each kind of input ends, or holds up, in its own way."""
    match path.read_bytes():
        case b"3":
            os._exit(3)
        case b"5":
            all(itertools.repeat(1))
        case b"7":
            signal.pause()


def counted(valid: bytes, chance: random.Random) -> bytes:
    return str(next(NUMBERS)).encode()


NUMBERS = itertools.count()


def giving(content: bytes) -> Callable[[bytes, random.Random], bytes]:
    return lambda valid, chance: content


@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_process_that_dies_or_hangs_is_followed_by_another(tmp_path: Path) -> None:
    # Numbers from 0 in each process: it begins anew behind the input that ended it.
    reader = Reader(alone("x.txt", "x"), counted, dies)
    result = fuzz(Plan("x", reader, 0, 0, 6, 0.3, tmp_path / "kept"))
    assert result.counts == {READ: 5, UNCAUGHT: 1}
    assert [path.read_text() for path in (tmp_path / "kept").iterdir()] == ["3"]
    for number in (b"5", b"7"):
        reader = Reader(alone("x.txt", "x"), giving(number), dies)
        result = fuzz(Plan("x", reader, 0, 0, 1, 0.2, tmp_path / "kept"))
        assert result.counts == {HANG: 1}
        assert "in dies" in next(iter(result.failures.values()))[2]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", READERS)
def test_a_seed_gives_the_same_inputs(name: str, tmp_path: Path) -> None:
    reader, inputs = READERS[name], []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        files = [path.read_bytes() for path in reader.make(folder)]
        inputs.append([reader.mutate(v, random.Random(f"7/{i}")) for v in files for i in range(5)])
    assert inputs[0] == inputs[1]
    assert len(set(inputs[0])) > 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork")
@pytest.mark.parametrize("name", READERS)
def test_mutated_files_are_read_rightly_or_refused_in_a_line(name: str) -> None:
    seed, inputs = random.randrange(10**6), int(os.environ.get("FUZZ_INPUTS", "1000"))
    result = fuzz(Plan(name, READERS[name], seed, 0, inputs, 5.0))
    assert not result.failed, f"--reader {name} --seed {seed}: {result.failures}"
    # Neither is the mutation in vain, nor the judgement.
    assert result.counts[REFUSED] > inputs / 100
    assert result.counts[READ] > inputs / 100 or name == "checkpoint-flips"
