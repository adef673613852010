"""Which models are explained: checkpoints by hand, or one finished run of each architecture."""

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
from ..compare.commits import MissingFileError
from ..compare.comparison import load
from ..compare.experiments import Experiment
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
    """The models that were asked for, and a sentence for each that is left out.

    Args:
        paths: checkpoints, or folders of some; empty: the run of the lowest seed of each
            architecture among the finished experiments, or models/best.ckpt where there is none.
        revs: commits whose experiments are meant, see `comparison.load`.

    Raises:
        UserError: if there is nothing to explain.
    """
    if paths:
        return [Subject(str(path), path) for path in dict.fromkeys(paths)], []
    try:
        # The data of most runs.
        groups = load(revs).data_sets[0].groups
    except UserError as error:
        if revs or not CHECKPOINT.exists():
            more = "" if revs else f", and there is no {CHECKPOINT}; make repro trains a model"
            raise UserError(f"{str(error).rstrip('.')}{more}") from None
        return [Subject(str(CHECKPOINT), CHECKPOINT)], []
    first: dict[str, Experiment] = {}
    for runs in groups.values():
        # Defaults come first, and the lowest seed; others' evaluations have no checkpoint here.
        if runs[0].folder is None:
            first.setdefault(runs[0].architecture, runs[0])
    found, left_out = [], []
    for run in first.values():
        try:
            path = commits.cached(run.rev, str(CHECKPOINT))
            found.append(Subject(run.name, path, run.weights))
        except MissingFileError as error:
            left_out.append(f"{run.name} is left out: {error}")
    if not found:
        raise UserError(" ".join(left_out))
    return found, left_out


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
