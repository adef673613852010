"""Data files and questions in each format, judged by a reading of them that is the tests' own."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from src.config import DataConfig
from src.data.description import to_text
from src.data.formats import FORMATS, format_of
from src.data.reading import read_records
from src.data.records import Records, to_line
from src.evaluation.difficulty import describe
from src.predict import asker, examiner_of, piped

from ..conftest import tiny_params
from ..data.test_problems import value
from .checkpoints import save
from .mutations import text
from .reader import Reader, WrongError

ANSWERS_TURNED = {"reverse", "reverse_all", "reverse_padded", "scratchpad", "detailed"}
WITH_STEPS = {"scratchpad", "detailed"}
PROBLEMS = (([54, 46], "+", 100), ([7, 70], "-", -63), ([12, 34], "*", 408), ([84, 7], "/", 12))
LINES = "12+34=\n7*8=\r\n 84/7=\n5-60=\n007+5=\n"
_SAID = re.compile(r"([0-9+*/-]+=)(\S*)  (?:right(, a step is wrong)?|wrong, (\S+?))(?:  | \()")


def data_of(name: str) -> DataConfig:
    return tiny_params(data={"format": name, "ops": "+-*/"}).data


def problem(name: str, prompt: str) -> str:
    """A prompt as it is written by hand, but for zeros in front."""
    if name == "reverse_all":
        return re.sub("[0-9]+", lambda number: number[0][::-1], prompt)
    return prompt


def answer(name: str, target: str) -> str:
    """The answer in a target as it is written by hand, but for zeros in front."""
    number = target[target.rfind("=") + 1 :] if name in WITH_STEPS else target
    sign, digits = ("-", number[1:]) if number.startswith("-") else ("", number)
    return sign + (digits[::-1] if name in ANSWERS_TURNED else digits)


def make_data(folder: Path) -> list[Path]:
    """A split in each format, beside what says which."""
    paths = []
    for name in FORMATS:
        data = data_of(name)
        path = folder / name / "train.jsonl"
        path.parent.mkdir()
        path.write_text("".join(to_line(format_of(data).write(*each)) for each in PROBLEMS))
        digests = dict.fromkeys(("train", "val", "test"), "ab" * 32)
        (path.parent / "config.yaml").write_text(to_text(data, digests))
        paths.append(path)
    return paths


def read_data(path: Path) -> Records:
    """What is read must be gradable too."""
    records = read_records(path)
    assert len(describe(records, format_of(data_of(path.parent.name))))
    return records


def all_right(path: Path, valid: bytes, records: Sequence[tuple[str, str]]) -> None:
    """Each answer is right, and so is each step that says a whole sum."""
    name = path.parent.name
    for prompt, target in records:
        if value(problem(name, prompt), "left_to_right") != int(answer(name, target)):
            raise WrongError("a wrong answer was taken")
        if name == "detailed":
            _check_steps(target)


def _check_steps(target: str) -> None:
    """Each step is right; of a difference it gives a digit, less ten where it borrows."""
    for step in target.removeprefix("-").rpartition("=")[0].split("/"):
        left, _, right = re.sub("[0-9]+", lambda number: number[0][::-1], step).partition("=")
        total = int(right) if "-" not in left else int(right[-1]) - 10 * int(right[:-1])
        if value(left, "standard") != total:
            raise WrongError("a wrong step was taken")


def make_questions(folder: Path) -> list[Path]:
    """A model of each format, and questions to it."""
    paths = []
    for name in FORMATS:
        path = folder / name / "0" / "lines.txt"
        path.parent.mkdir(parents=True)
        save(folder / name / "best.ckpt", "llama2", data_of(name), max_seq_len=48)
        path.write_text(LINES + "1+2+3=\n" * (name not in WITH_STEPS))
        paths.append(path)
    return paths


@lru_cache(maxsize=len(FORMATS))
def _ask(checkpoint: Path) -> Callable[[Sequence[str]], int]:
    return asker(examiner_of({"ckpt": checkpoint}))


def ask(path: Path) -> str:
    """Ask what a pipe would bring."""
    refused = sum(
        map(_ask(path.parent.with_name("best.ckpt")), piped(io.BytesIO(path.read_bytes())))
    )
    assert isinstance(sys.stdout, io.StringIO)
    said = sys.stdout.getvalue()
    for line in said.splitlines():
        check(path.parent.parent.name, line)
    if refused:
        sys.exit(2)
    return said


def check(name: str, line: str) -> None:
    """The verdict is right."""
    found = _SAID.match(line)
    if not found:
        raise WrongError("an answer of another form")
    prompt, said, step, target = found.groups()
    right = value(problem(name, prompt), "left_to_right")
    if target is None and int(answer(name, said)) != right:
        raise WrongError("a wrong answer passes")
    if target is not None and int(answer(name, target)) != right:
        raise WrongError("a right answer that is wrong")
    if target is not None and answer(name, said) == answer(name, target):
        raise WrongError("a right answer is refused")
    if step and name not in WITH_STEPS:
        raise WrongError("a wrong step where there is none")


READERS = {
    "formats.jsonl": Reader(make_data, text, read_data, all_right),
    "predict-formats": Reader(make_questions, text, ask, named=False),
}
