"""Readers of YAML: the configuration, flags beside it, and what describes a data set."""

from __future__ import annotations

import json
import random
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from dvc.utils.serialize import parse_yaml

from src.common import yaml_1_2
from src.common.errors import UserError
from src.config import DataConfig, Params
from src.data.description import DESCRIPTION, read_description, write_description
from src.params import load_params

from ..conftest import tiny_params
from . import nested
from .mutations import text
from .problems import RECORDS
from .reader import Reader, WrongError, alone

LARGE = tiny_params().model_dump(exclude={"models"})
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


def yaml_text(valid: bytes, chance: random.Random) -> bytes:
    """As `text`; but a parser in Python takes seconds for a line of megabytes."""
    return text(valid, chance, longest=2**16)


def in_yaml(content: Any) -> str:
    return yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=10**6)


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
    "config.yaml": Reader(valid_description, yaml_text, read_described, as_described),
    "params.yaml": Reader(
        alone("params.yaml", *map(in_yaml, (LARGE, SMALL, STAND_ALONE))),
        changed_params,
        load_params,
        as_dvc_reads,
    ),
    "overrides": Reader(valid_flags, overridden, read_overridden, as_flags_say, named=False),
    "any.yaml": Reader(alone("any.yaml", YAML), yaml_text, read_as_dvc),
}
