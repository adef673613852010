"""The origin of a checkpoint's weights: the data and the weights of each training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from ..config import DataConfig
from .description import to_plain

Story = Mapping[str, Any]


def story_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """The origin of a checkpoint's weights, as the checkpoint records it.

    Args:
        content: of the checkpoint, as `checkpoint.read_tensors` returns it.

    Returns:
        data: the description of the training data, see `description.read_description`;
        init_from: the checkpoint whose weights the training began with: its file's name, sha256
        of the weights, metrics, and its own story. Each is None where there is none, or where it
        is not known.
    """
    return {key: _mapping(content.get("story")).get(key) for key in ("data", "init_from")}


def trainings(story: Story) -> Iterator[Story]:
    """The stories of all trainings that the weights went through, the last one first."""
    yield story
    while began := _mapping(story.get("init_from")):
        story = _mapping(began.get("story"))
        yield story


def data_of(story: Story) -> dict[str, Any]:
    """The `data:` section that a training's problems were drawn from; empty if none is known."""
    try:
        return to_plain(DataConfig.model_validate(_mapping(story.get("data")).get("data")))
    except ValidationError:
        return {}


def digest_of(story: Story, split: str) -> object:
    """The SHA-256 of a split's file, in hexadecimal digits; None if none is known."""
    return _mapping(_mapping(story.get("data")).get("sha256")).get(split)


def _mapping(value: object) -> Story:
    """The value if it is a mapping, else an empty one: a file may hold anything."""
    return value if isinstance(value, Mapping) else {}
