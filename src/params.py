"""params.yaml read, completed and checked; what is wrong is told in one line."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from .common.errors import UserError
from .common.files import ROOT
from .common.findings import shown
from .common.yaml_1_2 import read_yaml
from .config import ModelConfig, Params

PARAMS_FILE = ROOT / "params.yaml"
# A file for each architecture, with the values that are published with this program's description.
CONFIGS_DIR = PARAMS_FILE.with_name("configs")

_NAMES = get_args(ModelConfig.model_fields["name"].annotation)


def load_params(
    path: Path | str = PARAMS_FILE,
    overrides: Mapping[str, Any] | None = None,
    complete: bool = False,
) -> Params:
    """Read and check a configuration, in one of two layouts.

    In that of params.yaml, `model:` is a name. The repository's own file holds every key; another
    may leave out what is as there, down to single keys of a section or of an entry of `models:`.

    In a stand-alone file, `model:` is a section. What it and `training:` leave out is as in
    ``configs/<model.name>.yaml``, and every other section is as in params.yaml.

    Args:
        path: the file.
        overrides: values by dotted key, such as ``{"data.N": 3}``.
        complete: the file must hold every key, as if it were the repository's own.

    Raises:
        UserError: one line with file, key, value, rule and choices.
    """
    path = Path(path)
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: must hold sections such as model: and training:")
    stand_alone = isinstance(content.get("model"), dict)
    if stand_alone:
        content = _stand_alone(path, content)
    elif not (complete or path.samefile(PARAMS_FILE)):
        content = merged(_defaults(), content)
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
        entry = f"models.{content.get('model')}."
        if stand_alone and finding.startswith(entry):
            finding = "model." + finding.removeprefix(entry)  # as the file writes it
        source = path.name if path == PARAMS_FILE else path
        raise UserError(f"{source}: {finding}") from None


def _defaults() -> dict[str, Any]:
    """The repository's params.yaml."""
    return _repository_params(PARAMS_FILE.stat().st_mtime_ns).model_dump()


@lru_cache(maxsize=1)
def _repository_params(mtime_ns: int) -> Params:
    # A tenth of a second to read, for each other file that is read.
    return load_params()


def merged(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """`base` with what is given in place of its own values, section by section."""
    result = dict(base)
    for key, value in given.items():
        own: Any = base.get(key)
        both = isinstance(own, dict) and isinstance(value, dict)
        result[key] = merged(own, value) if both else value
    return result


def _stand_alone(path: Path, given: dict[str, Any]) -> dict[str, Any]:
    """A stand-alone file in the layout of params.yaml."""
    defaults = _defaults()
    if "models" in given:
        raise UserError(f"{path}: models: is of no use beside a model: section; leave one out")
    name = given["model"].get("name")
    if name not in _NAMES:
        known = ", ".join(_NAMES)
        raise UserError(f"{path}: model.name = {shown(name)}: must be one of {known}")
    shipped = CONFIGS_DIR / f"{name}.yaml"
    if not path.samefile(shipped):
        given = merged(read_yaml(shipped), given)
    base = {section: defaults[section] for section in ("data", "evaluation", "runtime")}
    others = {section: values for section, values in given.items() if section != "model"}
    return {**merged(base, others), "model": name, "models": {name: given["model"]}}


def describe(errors: list[ErrorDetails]) -> str:
    """``key = value: rule`` for one of pydantic's findings."""
    # A misspelt key is also a missing one: the first says more.
    error = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    context, location, value = error.get("ctx", {}), _key(error), error["input"]
    if error["type"] == "name":
        key = "a key of models"
    elif "key" in context:
        key, value = ".".join([*location, context["key"]]), context["value"]
    else:
        # A byte order mark or a space without width, copied from somewhere, is made visible.
        key = ".".join(k if k.isprintable() else ascii(k) for k in location) or "the file"
    if error["type"] == "missing":
        return f"{key}: missing"
    if error["type"] == "extra_forbidden":
        rule = f"unknown key; {_choices(location)}"
    else:
        # Each alternative of a union is a finding of its own, at the same key.
        rule = " or ".join(e["msg"] for e in errors if _key(e) == location)
        rule = rule.replace("Input should be", "must be", 1).replace("Input should be ", "")
    return f"{key} = {shown(value)}: {rule}"


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
