"""Which weights of a training are graded, and how others of it do on the same problems."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..common.checkpoint_files import runners_up
from ..config import EvaluationConfig
from ..data.formats import Format
from ..dataset import ArithmeticDataset
from ..models import TransformerLM
from ..ops.sampling import greedy
from . import lengths
from .answering import hear, pick_of
from .grading import grade
from .lengths import Grid

# What eval.json may hold of the last weights, under names that begin with last_.
OF_LAST = ("exact_match", "wrong", "exact_match_lengths", "exact_match_chains")


def files_of(checkpoint: Path, weights: str) -> list[Path]:
    """The checkpoints that are graded, or among which one is chosen.

    Args:
        checkpoint: the folder of a training; for ``best`` also a file.
        weights: see `EvaluationConfig.weights`.
    """
    if weights == "best":
        return [checkpoint]
    best, last = checkpoint / "best.ckpt", checkpoint / "last.ckpt"
    if weights == "last":
        return [last]
    return [best, *(runners_up(checkpoint) if weights == "best_on_test" else []), last]


@dataclass(frozen=True)
class Exam:
    """The same problems for any weights, graded in the same way.

    Attributes:
        problems: of the test split, with columns prompt and target.
        dataset: these as tokens.
        written: how they are written.
        grid: the problems of `evaluation.lengths`, if it asks for some.
        config: how all are graded.
        progress: show a bar, where there is a terminal.
    """

    problems: pd.DataFrame
    dataset: ArithmeticDataset
    written: Format
    grid: Grid | None
    config: EvaluationConfig
    progress: bool

    def right(self, model: TransformerLM) -> NDArray[np.bool_]:
        """Which answers to the test split are right: bool (n,)."""
        size, pick = self.config.batch_size, pick_of(self.config)
        if pick is not greedy:
            return hear(model, self.problems, self.written, size, self.progress, pick)[1]
        right = grade(model, self.dataset, size).exact
        if self.written.traced and not right.all():
            missed = self.problems[~right]
            right[~right] = hear(model, missed, self.written, size, self.progress)[1]
        return right

    def figures(self, model: TransformerLM) -> dict[str, float]:
        """exact_match, wrong, and with a grid `lengths.figures`, as eval.json has them."""
        right = self.right(model)
        found = {"exact_match": float(right.mean()), "wrong": int((~right).sum())}
        if self.grid is not None:
            size, pick = self.config.batch_size, pick_of(self.config)
            graded = lengths.grade_lengths(
                model, self.grid, self.written, size, self.progress, pick
            )
            found |= lengths.figures(graded)
        return found
