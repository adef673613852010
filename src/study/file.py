"""The file of a study, typed and checked; what is wrong is told in one line."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from ..common.errors import UserError
from ..common.findings import broken, finding
from ..common.yaml_1_2 import read_yaml
from ..config import NAME, NAME_RULE, Seed

# What a file may hold beside axes on a chart's x: columns of a row, see `rows`.
DIGITS, CHAIN = "digits", "chain"
OF_LENGTHS = (DIGITS, CHAIN)

Text = Annotated[str, Field(min_length=1)]
# Changes of params.yaml, by dotted key; ``models.*.KEY`` is of the architecture in use.
Changes = dict[Text, Any]
# For each value, as it stands on the page, the changes that it makes.
Axis = dict[str, Changes]
Axes = dict[Text, Axis]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def written(value: object) -> str:
    """A value as it stands in a table, and in the file.

    >>> [written(value) for value in (0.1, True, 10_000, "plain")]
    ['0.1', 'true', '10000', 'plain']
    """
    return str(value).lower() if isinstance(value, bool) else str(value)


def _axes(given: object) -> object:
    """A list of mappings from axes to values; of an axis that is a key, values become changes."""
    grids = given if isinstance(given, list) else [given]
    return [
        {str(name): _axis(str(name), values) for name, values in grid.items()}
        if isinstance(grid, dict)
        else grid
        for grid in grids
    ]


def _axis(name: str, values: object) -> object:
    if isinstance(values, list):
        return {written(value): {name: value} for value in values}
    if isinstance(values, dict):
        return {written(value): changes for value, changes in values.items()}
    return values


def _lists(given: object) -> object:
    """A list of values for each axis, also where one stands alone."""
    if not isinstance(given, dict):
        return given
    lists = {key: value if isinstance(value, list) else [value] for key, value in given.items()}
    return {str(key): [written(each) for each in values] for key, values in lists.items()}


def _keyed(given: object) -> object:
    """Keys of a mapping as they stand in a table."""
    return {written(key): v for key, v in given.items()} if isinstance(given, dict) else given


def chosen(place: Mapping[str, str], where: Mapping[str, Collection[str]]) -> bool:
    """Whether a place on the axes has one of the values that are asked for of each.

    >>> chosen({"data.format": "plain", "model": "gpt2"}, {"data.format": ["plain", "reverse"]})
    True
    """
    return all(place[axis] in values for axis, values in where.items())


Choice = Annotated[dict[str, list[str]], BeforeValidator(_lists)]


class Published(_Part):
    """Figures of others, which stand beside ours.

    Attributes:
        source: who, where, and how theirs differ.
        where: the values of axes beside which they stand, one or a list of each.
        of: the axis, or column, that `values` go by.
        values: their figure for each of its values.
    """

    source: Text
    where: Choice = {}
    of: Text
    values: Annotated[dict[str, float], BeforeValidator(_keyed), Field(min_length=1)]


class Chart(_Part):
    """A chart of the page.

    Attributes:
        title: above it.
        x: an axis, a column of the rows, `digits` or `chain`; None: a dot for each run, in the
            order of the table.
        along: where x is a column, the axis along which points are joined.
        y: a column of the rows; None: the study's first measure.
        where: only runs with these values of axes, one or a list of each.
    """

    title: Text
    x: Text | None = None
    along: Text | None = None
    y: Text | None = None
    where: Choice = {}


class MoreSeeds(_Part):
    """Further seeds of some runs, such as those that an answer rests on.

    Attributes:
        where: the runs with these values of axes, one or a list of each.
        seeds: theirs, beside those of the study.
    """

    where: Choice
    seeds: Annotated[list[Seed], Field(min_length=1)]


class Quick(_Part):
    """What the small version changes: it says that all goes together, and answers nothing."""

    base: Changes = {}
    axes: Annotated[list[Axes], BeforeValidator(_axes)] | None = None
    seeds: list[Seed] | None = None


class Study(_Part):
    """A study; docs/studies.md says what each key means."""

    question: Text
    expected: Text
    base: Changes = {}
    axes: Annotated[list[Axes], BeforeValidator(_axes), Field(min_length=1)]
    seeds: Annotated[list[Seed], Field(min_length=1)]
    more_seeds: list[MoreSeeds] = []
    seed_keys: Annotated[list[Text], Field(min_length=1)] = ["training.seed", "data.seed"]
    measure: Annotated[
        list[Text],
        BeforeValidator(lambda given: [given] if isinstance(given, str) else given),
        Field(min_length=1),
    ]
    threshold: float | None = None
    charts: list[Chart] = []
    published: list[Published] = []
    quick: Quick = Quick()
    larger: str = ""
    conclusion: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        for i, grid in enumerate(self.axes):
            for name, axis in grid.items():
                if not axis:
                    raise broken(f"axes.{i}.{name}", {}, "must have at least one value")
                if list(grid) != list(self.axes[0]):
                    rule = f"must have the same axes as the first: {', '.join(self.axes[0])}"
                    raise broken(f"axes.{i}", list(grid), rule)
        if len(set(self.seeds)) < len(self.seeds):
            raise broken("seeds", self.seeds, "must be different numbers")
        choices = [(f"charts.{i}", each.where) for i, each in enumerate(self.charts)]
        choices += [(f"more_seeds.{i}", each.where) for i, each in enumerate(self.more_seeds)]
        choices += [(f"published.{i}", each.where) for i, each in enumerate(self.published)]
        for key, where in choices:
            for name, values in where.items():
                for value in values:
                    self._check_value(f"{key}.where.{name}", name, value)
        for i, chart in enumerate(self.charts):
            if chart.x and chart.x not in (*self.names, *OF_LENGTHS) and not chart.along:
                rule = f"needs along: an axis, of {', '.join(self.names)}, as it is none itself"
                raise broken(f"charts.{i}.x", chart.x, rule)
            if chart.along and chart.along not in self.names:
                rule = f"no such axis; choices: {', '.join(self.names)}"
                raise broken(f"charts.{i}.along", chart.along, rule)
        for i, each in enumerate(self.published):
            for value in each.values if each.of in self.names else ():
                self._check_value(f"published.{i}.values", each.of, value)
        return self

    def _check_value(self, key: str, axis: str, value: str) -> None:
        if axis not in self.names:
            raise broken(key, value, f"no such axis; choices: {', '.join(self.names)}")
        if value not in (values := self.values(axis)):
            raise broken(key, value, f"the axis has no such value; choices: {', '.join(values)}")

    @property
    def names(self) -> list[str]:
        """The axes."""
        return list(self.axes[0])

    def values(self, axis: str) -> list[str]:
        """All values of an axis, in the order of the file."""
        return list(dict.fromkeys(value for grid in self.axes for value in grid[axis]))

    def seeds_at(self, place: Mapping[str, str]) -> list[int]:
        """The seeds of the runs with these values of the axes."""
        more = [each.seeds for each in self.more_seeds if chosen(place, each.where)]
        return list(dict.fromkeys(chain(self.seeds, *more)))

    def small(self) -> Study:
        """The small version."""
        changed: dict[str, Any] = {"base": self.base | self.quick.base, "more_seeds": []}
        if self.quick.axes is not None:
            changed["axes"] = self.quick.axes
        if self.quick.seeds is not None:
            changed["seeds"] = self.quick.seeds
        return self.model_copy(update=changed)


def _name(name: str) -> str:
    if not re.fullmatch(NAME, name):
        raise UserError(f"{name}: the name of a study's file must be {NAME_RULE}")
    return name


def load(path: Path) -> tuple[str, Study]:
    """Read a study.

    Returns:
        Its name, which is that of the file, and its content.

    Raises:
        UserError: one line with file, key, value and rule.
    """
    name = _name(path.stem)
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: must hold keys such as question: and axes:")
    try:
        return name, Study.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{path}: {finding(error)}") from None
