"""YAML as DVC reads it: version 1.2, duplicate keys refused."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

# DVC's own parser, with DVC's settings. PyYAML reads version 1.1: 010 is 8 there, 33:20 is 2000,
# 1e-05 a string and off false, and the last of duplicate keys counts.
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from .errors import UserError
from .files import read_bytes


def parse_yaml(text: str, source: object) -> Any:
    """The content of a YAML document as dictionaries, lists and scalars.

    >>> parse_yaml("{seed: 010, time: 33:20, rate: 1e-05, compile: off}", "an example")
    {'seed': 10, 'time': '33:20', 'rate': 1e-05, 'compile': 'off'}

    Args:
        source: name of the text in messages, such as its path.

    Raises:
        UserError: with source, line and reason.
    """
    try:
        with warnings.catch_warnings():
            # Such as of a duplicate anchor, which is allowed; DVC itself warns of it.
            warnings.simplefilter("ignore")
            return YAML(typ="safe").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        what = str(error.problem)
        if what.startswith("but "):
            what = f"{error.context}, {what}"
        raise UserError(f"{source}: {line}not valid YAML: {what}") from None
    except Exception as error:
        # Invalid characters, unknown tags and deep nesting raise errors of all kinds.
        raise UserError(f"{source}: not valid YAML: {error}") from None


def read_yaml(path: Path) -> Any:
    """The content of a YAML file, see `parse_yaml`.

    Raises:
        UserError: if the file does not exist, is none to read, or is not valid YAML.
    """
    try:
        text = read_bytes(path).decode()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not valid YAML: {error}") from None
    return parse_yaml(text, path)
