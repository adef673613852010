"""The origin of a checkpoint's weights: the data and the weights of each training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, StringConstraints
from pydantic_core import PydanticCustomError

from ..config import DataConfig, Section
from .description import convention_of
from .records import SPLITS

# An `Origin` in plain values; keys that are None may be left out.
Story = Mapping[str, Any]


def _number(value: object) -> object:
    """An int or float as it is; of a union of both, pydantic would name either in the key."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**63:
        raise PydanticCustomError("number", "must be a finite number")
    return value


def _printable(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("text", "must be printable")
    return text


def _split(name: str) -> str:
    if name not in SPLITS:
        raise PydanticCustomError("split", "must be a split: train, val or test")
    return name


def _described(data: Description) -> Description:
    if data.data is None and (data.precedence or data.format) and not convention_of(dict(data)):
        raise PydanticCustomError("words", "must name a precedence and a format")
    return data


Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{1,64}$")]
# A row of val.csv.
Metrics = dict[
    Annotated[str, StringConstraints(pattern="^[a-z0-9_]{1,64}$")],
    Annotated[Any, BeforeValidator(_number)],
]


class Description(Section):
    """The training data, see `description.read_description`."""

    data: DataConfig | None
    precedence: str | None = None
    format: str | None = None
    sha256: dict[Annotated[str, AfterValidator(_split)], Digest]


class Beginning(Section):
    """The checkpoint whose weights a training began with.

    Attributes:
        file: its name, without folders.
        sha256: of its weights, see `checkpoint.weights_hash`.
        metrics: the validation row of its weights.
        story: its own origin.
    """

    file: Annotated[str, StringConstraints(max_length=255), AfterValidator(_printable)]
    sha256: Digest
    metrics: Metrics
    story: Origin


class Origin(Section):
    """What a checkpoint says under `story`; None where there is none, or where it is not known."""

    data: Annotated[Description, AfterValidator(_described)] | None = None
    init_from: Beginning | None = None


def trainings(story: Story) -> Iterator[Story]:
    """The stories of all trainings that the weights went through, the last one first."""
    yield story
    while began := story.get("init_from"):
        story = began["story"]
        yield story


def data_of(story: Story) -> dict[str, Any]:
    """The `data:` section that a training's problems were drawn from; empty if none is known."""
    data = (story.get("data") or {}).get("data")
    return DataConfig.model_validate(data).to_plain() if data else {}


def digest_of(story: Story, split: str) -> str | None:
    """The SHA-256 of a split's file, in hexadecimal digits; None if none is known."""
    digest: str | None = (story.get("data") or {}).get("sha256", {}).get(split)
    return digest
