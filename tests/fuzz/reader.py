"""What the fuzz has to know of a reader."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class WrongError(AssertionError):
    """An input was accepted with another meaning than it has."""


def believe(path: Path, valid: bytes, result: Any) -> None:
    """The judge where it cannot be told what an input means."""


@dataclass(frozen=True)
class Reader:
    """One kind of input.

    Attributes:
        make: writes valid files into an empty folder, and returns those to mutate; what else has
            to lie beside them, it writes too.
        mutate: another content for one of these files.
        read: reads a file as the commands do.
        judge: gets the file, its valid content and what was read; raises `WrongError`.
        named: whether each refusal names the file, or another one beside it.
    """

    make: Callable[[Path], Sequence[Path]]
    mutate: Callable[[bytes, random.Random], bytes]
    read: Callable[[Path], Any]
    judge: Callable[[Path, bytes, Any], None] = believe
    named: bool = True


def alone(name: str, *contents: str | bytes) -> Callable[[Path], list[Path]]:
    """Makes a file of one name for each valid content, each in a folder of its own."""

    def make(folder: Path) -> list[Path]:
        paths = []
        for number, content in enumerate(contents):
            paths.append(folder / str(number) / name)
            paths[-1].parent.mkdir()
            paths[-1].write_bytes(content.encode() if isinstance(content, str) else content)
        return paths

    return make
