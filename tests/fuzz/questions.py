"""Lines that predict is given."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from src.predict import asker, examiner_of, piped

from ..data.test_problems import value
from .checkpoints import DATA, save
from .mutations import text
from .reader import Reader, WrongError, alone

LINES = ("12+34=\n7*8=\n", " 84/7=\r\n12+34=", "5-60=\n2+3*4=\n5-60=\n", "007+5=\n")
_ANSWER = re.compile(r"([^ =]+=)(\S*)  (?:right|wrong, (-?[0-9]+))(?:  | \(trained .*?\)  )")


def make(folder: Path) -> list[Path]:
    save(folder / "best.ckpt", "llama2")
    return alone("lines.txt", *LINES)(folder)


@lru_cache(maxsize=1)
def _ask(checkpoint: Path) -> Callable[[Sequence[str]], int]:
    return asker(examiner_of({"ckpt": checkpoint}))


def read(path: Path) -> str:
    """Ask what a pipe would bring; what is no problem is told line by line, at exit code 2."""
    ask = _ask(path.parent.with_name("best.ckpt"))
    refused = sum(map(ask, piped(io.BytesIO(path.read_bytes()))))
    assert isinstance(sys.stdout, io.StringIO)
    assert isinstance(sys.stderr, io.StringIO)
    said, told = sys.stdout.getvalue(), sys.stderr.getvalue()
    check(said)
    if told.count("\n") != refused:
        raise WrongError("not a line for each that is no problem")
    asked = sum(
        bool(line.decode(errors="replace").strip()) for line in path.read_bytes().split(b"\n")
    )
    if said.count("\n") + refused != asked:
        raise WrongError("not a line for each line")
    if refused:
        sys.exit(2)
    return said


def check(said: str) -> None:
    """Each verdict is right, by a reading of problems that is the tests' own."""
    for line in said.splitlines():
        found = _ANSWER.match(line)
        if not found:
            raise WrongError("an answer of another form")
        prompt, answer, target = found.groups()
        if value(prompt, DATA.precedence) != int(target or answer) or answer == target:
            raise WrongError("a wrong verdict")


READERS = {"predict": Reader(make, text, read, named=False)}
