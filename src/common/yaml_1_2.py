"""YAML as DVC reads it: version 1.2, and no key twice."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

# The parser that DVC itself uses, with the same settings. To PyYAML, which reads version 1.1,
# 010 is 8, 33:20 is 2000, 1e-05 is a string and off is false; of a key that stands twice it takes
# the last.
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from .errors import UserError


def parse_yaml(text: str, source: object) -> Any:
    """The plain values of one document.

    >>> parse_yaml("{seed: 010, time: 33:20, rate: 1e-05, compile: off}", "an example")
    {'seed': 10, 'time': '33:20', 'rate': 1e-05, 'compile': 'off'}

    Args:
        source: what a message calls the text, such as its file.

    Raises:
        UserError: in one line with source, line and reason.
    """
    try:
        with warnings.catch_warnings():
            # Of anchors that stand twice, for one: allowed, and DVC says it.
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
        # Characters that are none, odd tags and deep nesting fail in any way.
        raise UserError(f"{source}: not valid YAML: {error}") from None


def read_yaml(path: Path) -> Any:
    """The plain values of a file, see `parse_yaml`.

    Raises:
        UserError: if there is no such file, and if it is not valid YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not valid YAML: {error}") from None
    return parse_yaml(text, path)
