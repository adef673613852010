"""A trained model as text that a page can carry: weights in base64, all else plain values."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from ..checkpoint import Loaded, load_checkpoint
from ..common.errors import UserError
from ..data.description import Convention, convention_of
from ..data.lineage import data_of, trainings
from .runs import Run


class Packed(NamedTuple):
    """A model of the page.

    Attributes:
        about: what the page must know of it, as JSON has it.
        weights: base64 of float16, little-endian, by the names that `about` refers to.
    """

    about: dict[str, Any]
    weights: dict[str, str]


def pack(run: Run, name: str) -> Packed:
    """Read a run's checkpoints.

    Args:
        name: what the names of its weights begin with.

    Raises:
        UserError: for a file that is no checkpoint, one whose weights do not fit in 16 bits, and
            for a snapshot of another architecture.
    """
    final = _load(run.checkpoint, run)
    tensors = _tensors(final)
    shapes = [(each, list(tensor.shape)) for each, tensor in tensors.items()]
    packed, steps = {}, []
    for step, path in [*run.snapshots.items(), (None, run.checkpoint)]:
        loaded = final if step is None else _load(path, run)
        if loaded.config != final.config:
            raise UserError(f"{path}: has another architecture than {run.checkpoint}")
        identity = f"{name}-{'final' if step is None else step}"
        packed[identity] = _base64(_tensors(loaded), path)
        trained = loaded.metrics.get("step") if step is None else step
        steps.append({"id": identity, "step": trained})
    convention = convention_of(final.story.get("data")) or run.convention
    about = {
        "name": run.name,
        "config": final.config.model_dump(),
        "parameters": final.model.num_parameters(),
        "tensors": shapes,
        "weights": steps,
        "format": format_in_numbers(convention),
        "trainings": [_kind(data_of(training)) for training in trainings(final.story)],
        "graded": run.graded,
        "wrong": "\n".join(prompt + said for prompt, said in run.wrong),
    }
    return Packed(about, packed)


def format_in_numbers(convention: Convention) -> dict[str, Any]:
    """How problems are written and what is right, as js/format.js reads it.

    >>> from src.data.description import UNDESCRIBED
    >>> list(format_in_numbers(UNDESCRIBED).values())
    ['plain', 'left_to_right', 0, False, False, False, 1, 1]
    """
    written = convention.format
    return {
        "name": written.name,
        "precedence": convention.precedence,
        "modulus": convention.modulus,
        "from_units": written.from_units,
        "operands_from_units": written.operands_from_units,
        "traced": written.traced,
        # Of the padded formats alone.
        "operand_width": getattr(written, "operand_width", 1),
        "answer_width": written.answer_width,
    }


def _kind(data: dict[str, Any]) -> dict[str, Any]:
    """What problems a `data:` section describes; empty if none is known."""
    if not data:
        return {}
    # As texts: JavaScript's numbers have 16 digits.
    return {"ops": data["ops"], "N": data["N"], "A": str(data["A"]), "B": str(data["B"])}


def _load(path: Path, run: Run) -> Loaded:
    loaded = load_checkpoint(path)
    loaded.model.sharpen_attention(run.attention_scale)
    return loaded


def _tensors(loaded: Loaded) -> dict[str, Tensor]:
    """The weights by name; a head that is tied to the embeddings is no second matrix."""
    content = loaded.model.state_dict()
    if loaded.config.tie_weights:
        del content["lm_head.weight"]
    return content


def _base64(tensors: dict[str, Tensor], path: Path) -> str:
    numbers = np.concatenate([tensor.numpy().ravel() for tensor in tensors.values()])
    if np.abs(numbers).max() > np.finfo(np.float16).max:
        raise UserError(f"{path}: has weights that do not fit in 16 bits, which the page uses")
    return base64.b64encode(numbers.astype("<f2").tobytes()).decode()
