"""Which models a command opens: checkpoints by hand, or a finished run of each architecture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ..common.errors import UserError
from ..common.files import CHECKPOINT
from .commits import MissingFileError
from .comparison import load
from .experiments import Experiment

Model = TypeVar("Model")


def models_of(
    paths: Sequence[Path],
    revs: Sequence[str],
    by_hand: Callable[[Path], Model],
    finished: Callable[[Experiment], Model],
) -> tuple[list[Model], list[str]]:
    """The models that were asked for, and a sentence for each that is left out.

    Args:
        paths: checkpoints, or folders of some; empty: one run of each architecture among the
            finished experiments, of the lowest seed, or models/best.ckpt where there is none.
        revs: commits whose experiments are meant, see `comparison.load`.
        by_hand: makes what the command looks into of a path.
        finished: of an experiment; raises MissingFileError if its weights are not in DVC's cache.

    Raises:
        UserError: if there is none.
    """
    if paths:
        return [by_hand(path) for path in dict.fromkeys(paths)], []
    try:
        found, left_out = _finished(revs, finished)
    except UserError as error:
        found, left_out = [], [str(error)]
    if not found:
        if revs or not CHECKPOINT.exists():
            more = "" if revs else f"; there is no {CHECKPOINT} either, which make repro trains"
            raise UserError(" ".join(left_out).rstrip(".") + more)
        found = [by_hand(CHECKPOINT)]
    return found, left_out


def _finished(
    revs: Sequence[str], finished: Callable[[Experiment], Model]
) -> tuple[list[Model], list[str]]:
    # The data of most runs.
    groups = load(revs).data_sets[0].groups
    first: dict[str, Experiment] = {}
    # The label of an architecture's default is the shortest.
    for _, group in sorted(groups.items(), key=lambda item: len(item[0])):
        ours = [run for run in group if run.folder is None]
        if ours:
            first.setdefault(ours[0].architecture, min(ours, key=lambda run: run.seed or 0))
    found, left_out = [], []
    for architecture in sorted(first):
        try:
            found.append(finished(first[architecture]))
        except MissingFileError as error:
            left_out.append(f"{first[architecture].name} is left out: {error}.")
    return found, left_out
