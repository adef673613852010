"""The runs of a study: each combination of its axes' values, with each seed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import product
from typing import Any

from pydantic import ValidationError

from ..common.errors import UserError
from ..common.yaml_1_2 import parse_yaml
from ..config import Params
from ..params import PARAMS_FILE, describe
from ..sweep.grid import Run, check_keys
from .file import Changes, Study

# Of the model in use.
_ANY_MODEL = "models.*."


@dataclass(frozen=True)
class Cell:
    """A run's place in the grid.

    Attributes:
        place: the value of each axis, as it stands in the file.
        seed: see `Study.seed_keys`.
        settings: a hash of all settings that decide its result.
        run: as a sweep takes it.
    """

    place: dict[str, str]
    seed: int
    settings: str
    run: Run

    @property
    def said(self) -> str:
        """The value of each axis, in one line."""
        return _said(self.place)


def cells(name: str, study: Study, text: str) -> list[Cell]:
    """All runs of a study, in the order of its file.

    Args:
        name: of the study.
        text: of the params.yaml that the runs start from.

    Raises:
        UserError: naming the key or value that params.yaml does not allow, and two places that
            would be the same run.
    """
    defaults = parse_yaml(text, PARAMS_FILE.name)
    found: dict[str, Cell] = {}
    for place, changes in _places(study):
        for seed in study.seeds_at(place):
            cell = _cell(
                name, place, seed, changes | dict.fromkeys(study.seed_keys, seed), defaults
            )
            same = found.setdefault(cell.settings, cell)
            if same.place != place:
                raise UserError(f"axes: {_said(place)} and {_said(same.place)} are the same runs")
    return list(found.values())


def rounds(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Cells in groups of which none holds two that differ in what is evaluated alone.

    One of them trains, and the others, later, have that training from DVC's cache.
    """
    found: list[list[Cell]] = []
    trained: dict[str, int] = {}
    for cell in cells:
        training = json.dumps({**cell.run.params, "evaluation": None, "runtime": None})
        number = trained[training] = trained.get(training, -1) + 1
        found += [[]] * (number == len(found))
        found[number] = [*found[number], cell]
    return found


def _said(place: dict[str, str]) -> str:
    return " ".join(f"{axis}={value}" for axis, value in place.items())


def _places(study: Study) -> Iterator[tuple[dict[str, str], Changes]]:
    """The values of the axes, and the changes that they make together, each once."""
    seen = set()
    for grid in study.axes:
        for values in product(*grid.values()):
            place = dict(zip(grid, values, strict=True))
            changes = dict(study.base)
            for axis, value in place.items():
                changes |= grid[axis][value]
            if (key := json.dumps([place, changes], default=str)) not in seen:
                seen.add(key)
                yield place, changes


def _cell(
    name: str, place: dict[str, str], seed: int, changes: Changes, defaults: dict[str, Any]
) -> Cell:
    model = changes.get("model", defaults["model"])
    named = {key.replace(_ANY_MODEL, f"models.{model}."): value for key, value in changes.items()}
    words = {key: f"{key}={word(value)}" for key, value in named.items()}
    check_keys(words.values(), defaults)
    # What is said of other models changes nothing.
    kept = {
        key: value
        for key, value in named.items()
        if not key.startswith("models.") or key.startswith(f"models.{model}.")
    }
    content = _changed(defaults, kept)
    settings = settings_of(content)
    plain = "-".join(re.sub(r"[^\w+.]|\.(?!\w)", "", v, flags=re.ASCII) for v in place.values())
    # git takes no name that is much longer.
    full = f"{name}-{plain}"[:150] + f"-seed{seed}-{settings[:6]}"
    return Cell(place, seed, settings, Run(full, tuple(words[key] for key in kept), content))


def _changed(content: dict[str, Any], changes: Changes) -> dict[str, Any]:
    """What DVC makes of a params.yaml with such changes, without its second for each."""
    copy = deepcopy(content)
    for key, value in changes.items():
        *sections, last = key.split(".")
        section = copy
        for name in sections:
            section = section[name]
            if not isinstance(section, dict):
                raise UserError(f"{key}={word(value)}: {name} is no section any more")
        section[last] = value
    return copy


def word(value: object) -> str:
    r"""A value in the syntax of `dvc exp run --set-param`.

    >>> print(word([0.1, True, None, "it's", 1e-05]))
    [0.1,true,null,'it\'s',1e-05]
    """
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, list):
        return f"[{','.join(map(word, value))}]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    return str(value)


def settings_of(content: dict[str, Any]) -> str:
    """A hash of all settings that decide a run's result, 12 hexadecimal digits.

    Keys at a default that was added later count as not there, so that rows of before stay valid.

    Args:
        content: that of a params.yaml.

    Raises:
        UserError: for a value that params.yaml does not allow, with key and rule.
    """
    try:
        params = Params.model_validate(content)
    except ValidationError as error:
        raise UserError(describe(error.errors())) from None
    sections = {
        "data": params.data,
        "model": params.model_config_in_use,
        "training": params.training,
        "evaluation": params.evaluation,
    }
    plain = {key: section.to_plain() for key, section in sections.items()}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:12]
