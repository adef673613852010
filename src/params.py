"""params.yaml read, completed and checked; what is wrong is told in one line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from .config import ModelConfig, Params
from .errors import UserError

PARAMS_FILE = Path(__file__).parent.parent / "params.yaml"


class _Loader(yaml.SafeLoader):
    """YAML 1.1 as PyYAML has it, with the floats and truth values of YAML 1.2.

    DVC reads and writes YAML 1.2, where 1e-05 is a number and off is a word; to PyYAML the one
    is a string and the other is false.
    """


_BOOL = "tag:yaml.org,2002:bool"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag != _BOOL or first in "tTfF"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError:
        raise
    except Exception as error:
        # Beside YAMLError: odd tags and deep nesting fail in PyYAML's constructors in any way.
        raise UserError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: must hold sections such as model: and training:")
    return content


def _complete(path: Path, given: dict[str, Any]) -> dict[str, Any]:
    """A stand-alone file's sections over those of the repository's params.yaml."""
    defaults = load_params().model_dump()
    if "models" in given:
        raise UserError(f"{path}: models: is of no use beside a model: section; leave one out")
    name = str(given["model"].get("name"))
    if name not in defaults["models"]:
        choices = ", ".join(defaults["models"])
        raise UserError(f"{path}: model.name = {name!r}: must be one of {choices}")
    complete = {**defaults, "model": name}
    complete["models"] = {name: {**defaults["models"][name], **given["model"]}}
    for section, values in given.items():
        if section != "model":
            base = defaults.get(section)
            both = isinstance(base, dict) and isinstance(values, dict)
            complete[section] = base | values if both else values
    return complete


def load_params(
    path: Path | str = PARAMS_FILE, overrides: Mapping[str, Any] | None = None
) -> Params:
    """Read and check a configuration.

    Args:
        path: params.yaml, or a stand-alone file whose `model:` is a section like an entry of
            `models:`; what such a file leaves out is as in the repository's params.yaml.
        overrides: values by dotted key, such as ``{"data.N": 3}``.

    Raises:
        UserError: one line with file, key, value, rule and choices.
    """
    path = Path(path)
    content = _read(path)
    if isinstance(content.get("model"), dict):
        content = _complete(path, content)
    for dotted, value in (overrides or {}).items():
        section, key = dotted.split(".")
        if isinstance(content.get(section), dict):
            content[section][key] = value
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        finding = describe(error.errors())
        if any(finding.startswith(f"{key} = ") for key in overrides or {}):
            raise UserError(finding) from None  # it came with a flag, not from the file
        source = path.name if path == PARAMS_FILE else path
        raise UserError(f"{source}: {finding}") from None


def describe(errors: list[ErrorDetails]) -> str:
    """``key = value: rule`` for one of pydantic's findings."""
    # A misspelt key is also a missing one: the first says more.
    error = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    context, location, value = error.get("ctx", {}), _key(error), error["input"]
    if "key" in context:
        key, value = ".".join([*location, context["key"]]), context["value"]
    else:
        key = ".".join(location) or "the file"
    if error["type"] == "missing":
        return f"{key}: missing"
    if error["type"] == "extra_forbidden":
        rule = f"unknown key; {_choices(location)}"
    else:
        # Each alternative of a union is a finding of its own, at the same key.
        rule = " or ".join(e["msg"] for e in errors if _key(e) == location)
        rule = rule.replace("Input should be", "must be", 1).replace("Input should be ", "")
    return f"{key} = {value if isinstance(value, int | float) else repr(value)}: {rule}"


def _key(error: ErrorDetails) -> list[str]:
    location = [str(part) for part in error["loc"]]
    # What pydantic adds behind the key is the alternative of a union that it tried.
    return location[: 3 if location[:1] == ["models"] else 2]


def _choices(location: list[str]) -> str:
    """The key that was probably meant, or all keys of the section."""
    section: Any = Params
    if len(location) > 1:
        section = ModelConfig if len(location) > 2 else Params.model_fields[location[0]].annotation
    close = difflib.get_close_matches(location[-1], section.model_fields, n=1)
    return f"did you mean {close[0]}?" if close else f"choices: {', '.join(section.model_fields)}"
