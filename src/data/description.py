"""What a data folder says about itself: config.yaml beside the three splits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from ..common.errors import UserError
from ..common.files import open_replacing
from ..common.kinds import kind_of
from ..common.yaml_1_2 import read_yaml
from ..config import DataConfig
from .formats import FORMATS, PLAIN, Format, format_of
from .problems import PRECEDENCES, evaluate
from .records import SPLITS

DESCRIPTION = "config.yaml"
# What config.yaml says of imported data, of which it has no `data:` section.
_OF_IMPORTED = {"precedence", "format"}


class Convention(NamedTuple):
    """How the problems of a data set are written, and what is the answer to them.

    Attributes:
        precedence: ``left_to_right`` or ``standard``.
        modulus: what answers are taken modulo; 0: nothing.
    """

    format: Format
    precedence: str
    modulus: int = 0

    @staticmethod
    def of(data: DataConfig) -> Convention:
        """That of the problems which a `data:` section describes."""
        return Convention(format_of(data), data.precedence, data.modulus)

    def target(self, prompt: str) -> str:
        """The right target of a prompt.

        Raises:
            ValueError: for what is no prompt of the format, and for a division by zero or with a
                remainder.
        """
        operands, operators = self.format.read_prompt(prompt)
        answer = evaluate(operands, operators, self.precedence, self.modulus)
        return self.format.write(operands, operators, answer).target


# Of a folder that does not say it: problems as people write them, precedence as in params.yaml.
UNDESCRIBED = Convention(PLAIN, "left_to_right")


def write_description(folder: Path, source: DataConfig | Convention) -> None:
    """Write config.yaml for the splits that a folder holds.

    Args:
        source: see `to_text`.

    Raises:
        UserError: see `check_description`.
    """
    check_description(folder)
    with open_replacing(folder / DESCRIPTION) as file:
        file.write(to_text(source, _digests(folder)))


def to_text(source: DataConfig | Convention, digests: Mapping[str, str]) -> str:
    r"""The content of config.yaml, the same bytes on every machine.

    >>> print(to_text(UNDESCRIBED, {"train": "2c26", "val": "fcde", "test": "b5bb"}), end="")
    data: null
    precedence: left_to_right
    format: plain
    sha256:
      train: 2c26
      val: fcde
      test: b5bb

    Args:
        source: what the splits were drawn from; of imported ones, how they are written.
        digests: of each split, the SHA-256 of its file in hexadecimal digits.
    """
    return yaml.safe_dump({**_source_in_words(source), "sha256": dict(digests)}, sort_keys=False)


def _source_in_words(source: DataConfig | Convention) -> dict[str, Any]:
    if isinstance(source, DataConfig):
        return {"data": source.to_plain()}
    return {"data": None, "precedence": source.precedence, "format": source.format.name}


def read_description(folder: Path) -> dict[str, Any] | None:
    """What `write_description` wrote, in plain values, such as `to_text` shows.

    Returns:
        None where there is no such file, where its `data` is not as in params.yaml, and where the
        splits are no longer those that it describes.
    """
    content = _content(folder)
    if content is None or content["sha256"] != _digests(folder):
        return None
    told: dict[str, Any] = {"data": None}
    if content["data"] is not None:
        try:
            told = _source_in_words(DataConfig.model_validate(content["data"]))
        except ValidationError:
            return None
    elif convention := convention_of(content):
        told = _source_in_words(convention)
    return {**told, "sha256": content["sha256"]}


def convention_of(description: object) -> Convention | None:
    """How the problems of described data are written.

    Args:
        description: what `read_description` returns, or anything else that a file holds.

    Returns:
        None where it does not say so, as of data that was imported before config.yaml said it.
    """
    if not isinstance(description, Mapping):
        return None
    section = description.get("data") or description
    if not isinstance(section, Mapping):
        return None
    name, precedence = section.get("format", "plain"), section.get("precedence")
    modulus = section.get("modulus", 0)
    # In a tuple: what a file holds need not be hashable.
    if name not in tuple(FORMATS) or precedence not in PRECEDENCES:
        return None
    # A file may hold true too, which Python counts as 1.
    if type(modulus) is not int or modulus < 0:
        return None
    try:
        return Convention.of(DataConfig.model_validate(section))
    except ValidationError:
        return Convention(FORMATS[name], precedence, modulus)


def read_convention(folder: Path) -> Convention:
    """How the problems in a folder are written: as its config.yaml says, or else `UNDESCRIBED`.

    Also where a split has been changed since: reading checks each row all the same.
    """
    return convention_of(_content(folder)) or UNDESCRIBED


def check_description(folder: Path) -> None:
    """See that no other config.yaml would be overwritten.

    Raises:
        UserError: where the folder has a config.yaml that describes no data.
    """
    path = folder / DESCRIPTION
    if path.exists() and _content(folder) is None:
        raise UserError(f"{path}: describes no data and would be overwritten; name another folder")


def check_drawn(folder: Path, names: Sequence[str]) -> None:
    """See that nothing is overwritten but splits that were drawn, and what belongs to them.

    Args:
        names: of the files that would be.

    Raises:
        UserError: where there are some, and no config.yaml that says what they were drawn from.
    """
    there = [name for name in names if kind_of(folder / name)]
    content = _content(folder)
    if there and (content is None or content["data"] is None):
        said = "was not written by this command; name another folder"
        raise UserError(f"{folder / there[0]}: {said}")


def _content(folder: Path) -> dict[str, Any] | None:
    """What config.yaml holds, whether or not it fits the splits; None if it is no description."""
    try:
        content = read_yaml(folder / DESCRIPTION)
    except (OSError, UserError):
        # There is none, or it is another program's.
        return None
    known = isinstance(content, dict) and content.keys() - _OF_IMPORTED == {"data", "sha256"}
    return content if known else None


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each split that there is."""
    digests = {}
    for split in SPLITS:
        path = folder / f"{split}.jsonl"
        if path.is_file():
            with path.open("rb") as file:
                digests[split] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests
