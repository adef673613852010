"""The models that the page shows, as files."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from ..common.checkpoint_files import SNAPSHOT, snapshots
from ..common.csv_cells import unquoted
from ..common.files import CHECKPOINT, MODELS_DIR
from ..compare import commits
from ..compare.commits import MissingFileError
from ..compare.experiments import ERRORS, Experiment
from ..compare.one_of_each import models_of
from ..data.description import UNDESCRIBED, Convention, convention_of


class Run(NamedTuple):
    """A trained model, as files.

    Attributes:
        name: what the page calls it.
        checkpoint: its finished weights.
        snapshots: weights on the way there, by step, in their order.
        convention: how its problems are written, where the checkpoint does not say it.
        attention_scale: by which its attention is multiplied when it is graded.
        graded: how many problems it was asked if those were all there are; else 0.
        wrong: of those, prompt and answer of each that it got wrong.
    """

    name: str
    checkpoint: Path
    snapshots: dict[int, Path]
    convention: Convention = UNDESCRIBED
    attention_scale: float = 1.0
    graded: int = 0
    wrong: Sequence[tuple[str, str]] = ()


def runs_of(paths: Sequence[Path], revs: Sequence[str]) -> tuple[list[Run], list[str]]:
    """The models that the page shows, see `one_of_each.models_of`."""
    return models_of(paths, revs, _by_hand, _of_experiment)


def _by_hand(path: Path) -> Run:
    folder = path if path.is_dir() else path.parent
    return Run(str(path), path, snapshots(folder) if folder.is_dir() else {})


def _of_experiment(run: Experiment) -> Run:
    """Raises MissingFileError if its weights are not in DVC's cache."""
    found = map(SNAPSHOT.fullmatch, commits.listed(run.rev, str(MODELS_DIR)))
    kept = sorted((int(match["number"]), match[0]) for match in found if match)
    grading = run.params.get("evaluation", {})
    # Of several, the map is of best.ckpt.
    name = "last.ckpt" if grading.get("weights") == "last" else CHECKPOINT.name
    graded, wrong = _graded(run)
    return Run(
        run.name,
        commits.cached(run.rev, str(MODELS_DIR / name)),
        {step: commits.cached(run.rev, str(MODELS_DIR / snapshot)) for step, snapshot in kept},
        convention_of(run.params.get("data")) or UNDESCRIBED,
        grading.get("attention_scale", 1.0),
        graded,
        wrong,
    )


def _graded(run: Experiment) -> tuple[int, list[tuple[str, str]]]:
    """The last two attributes of `Run`; none where the list is lost."""
    graded = int(run.metrics.get("exhaustive_problems") or 0)
    try:
        rows = csv.DictReader(StringIO(run.read(ERRORS), newline="")) if graded else ()
    except MissingFileError:
        return 0, []
    return graded, [(unquoted(row["prompt"]), unquoted(row["said"])) for row in rows]
