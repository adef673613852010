"""The models that are explained, and the sums that they are asked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..checkpoint import Loaded, load_checkpoint
from ..common.errors import UserError
from ..common.files import CHECKPOINT
from ..compare import commits
from ..compare.experiments import Experiment
from ..compare.one_of_each import models_of
from ..config import DataConfig
from ..data.lineage import data_of
from .sums import SumSpace


class Subject(NamedTuple):
    """A trained model, as a file.

    Attributes:
        name: of its run, or the path that was given.
        path: its checkpoint.
        weights: DVC's hash of its run's `models/`; empty for a checkpoint by hand.
    """

    name: str
    path: Path
    weights: str = ""


def subjects(paths: Sequence[Path], revs: Sequence[str]) -> tuple[list[Subject], list[str]]:
    """The models that are explained, see `one_of_each.models_of`."""
    return models_of(paths, revs, lambda path: Subject(str(path), path), _of_experiment)


def _of_experiment(run: Experiment) -> Subject:
    return Subject(run.name, commits.cached(run.rev, str(CHECKPOINT)), run.weights)


class Opened(NamedTuple):
    """A trained model that can be explained.

    Attributes:
        sha256: of the checkpoint's file.
        space: the sums that it is asked.
    """

    subject: Subject
    loaded: Loaded
    sha256: str
    space: SumSpace


def opened(subject: Subject) -> Opened:
    """Read a model's checkpoint.

    Raises:
        UserError: if it is none, or one of a model that did not learn sums which can be explained.
    """
    loaded = load_checkpoint(subject.path)
    with loaded.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    data = data_of(loaded.story)
    try:
        if not data:
            raise UserError("does not say which problems it was trained on")
        space = SumSpace.of(DataConfig.model_validate(data))
        tokens = space.write(np.array([[space.high, space.high]])).tokens.size(1)
        if tokens > loaded.config.max_seq_len:
            room = f"the model's max_seq_len = {loaded.config.max_seq_len}"
            raise UserError(f"a sum and its answer are {tokens} tokens, but {room}")
    except UserError as error:
        raise UserError(f"{subject.name}: {error}") from None
    return Opened(subject, loaded, digest, space)
