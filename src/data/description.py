"""What a data folder says about itself: config.yaml beside the three splits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ..common.errors import UserError
from ..common.files import open_replacing
from ..common.yaml_1_2 import read_yaml
from ..config import DataConfig
from .records import SPLITS

DESCRIPTION = "config.yaml"


def write_description(folder: Path, data: DataConfig | None) -> None:
    """Write config.yaml for the splits that a folder holds.

    Args:
        data: what they were drawn from; None for data that was imported.

    Raises:
        UserError: see `check_description`.
    """
    check_description(folder)
    with open_replacing(folder / DESCRIPTION) as file:
        file.write(to_text(data, _digests(folder)))


def to_text(data: DataConfig | None, digests: Mapping[str, str]) -> str:
    r"""The content of config.yaml, the same bytes on every machine.

    >>> print(to_text(None, {"train": "2c26", "val": "fcde", "test": "b5bb"}), end="")
    data: null
    sha256:
      train: 2c26
      val: fcde
      test: b5bb

    Args:
        digests: of each split, the SHA-256 of its file in hexadecimal digits.
    """
    content = {"data": data and data.model_dump(), "sha256": dict(digests)}
    return yaml.safe_dump(content, sort_keys=False)


def read_description(folder: Path) -> dict[str, Any] | None:
    """What `write_description` wrote, in plain values: `data` and `sha256`.

    Returns:
        None where there is no such file, where its `data` is not as in params.yaml, and where the
        splits are no longer those that it describes.
    """
    content = _read(folder)
    if content is None or content["sha256"] != _digests(folder):
        return None
    data = content["data"]
    try:
        plain = None if data is None else DataConfig.model_validate(data).model_dump()
    except ValidationError:
        return None
    return {"data": plain, "sha256": content["sha256"]}


def check_description(folder: Path) -> None:
    """See that no other config.yaml would be overwritten.

    Raises:
        UserError: where the folder has a config.yaml that describes no data.
    """
    path = folder / DESCRIPTION
    if path.exists() and _read(folder) is None:
        raise UserError(f"{path}: describes no data and would be overwritten; name another folder")


def _read(folder: Path) -> dict[str, Any] | None:
    """The file, whether or not it fits the splits; None where it is no description."""
    try:
        content = read_yaml(folder / DESCRIPTION)
    except (OSError, UserError):
        # There is none, or it is another program's.
        return None
    return content if isinstance(content, dict) and content.keys() == {"data", "sha256"} else None


def _digests(folder: Path) -> dict[str, str]:
    digests = {}
    for split in SPLITS:
        path = folder / f"{split}.jsonl"
        if path.is_file():
            with path.open("rb") as file:
                digests[split] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests
