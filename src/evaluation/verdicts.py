"""Which answers of a model are right: to the test split, and to every problem where asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.problems import Problems
from ..data.records import Records
from ..models import TransformerLM
from ..ops.sampling import greedy
from .answering import hear, pick_of
from .exhaustive import finished, grade_every
from .grading import Grades, grade
from .screening import QuickLeads
from .weights import Exam


@dataclass(frozen=True)
class Verdicts:
    """A model's answers, graded.

    Attributes:
        grades: of the test split; its `exact` says which answers are right, whatever the steps.
        whole: bool (n,), which targets of the test split have no wrong token, steps included.
        said: prompt, target and said of the test split's problems that were answered token by
            token, as the forward pass alone did not find them right.
        errors: the problems that are wrong, with what was said: of the test split, or of all.
        everything: `exhaustive.finished` of all problems; None where they were not graded.
    """

    grades: Grades
    whole: NDArray[np.bool_]
    said: pd.DataFrame
    errors: pd.DataFrame
    everything: pd.DataFrame | None = None


def judge(
    model: TransformerLM,
    exam: Exam,
    splits: Mapping[str, Records],
    every: Problems | None = None,
    quick: QuickLeads | None = None,
) -> Verdicts:
    """Grade the test split with one teacher-forced pass, and decode where that does not tell.

    It knows where the whole target is given (see `loss`). Elsewhere answers are generated, to show
    what the model says there, and to see whether a right answer follows wrong steps. What is drawn
    at a temperature no forward pass knows: then all are generated.

    Args:
        splits: the rows of each split, where all problems are graded.
        every: all problems; None: the test split alone.
        quick: see `screening.exact`.
    """
    config, problems, written = exam.config, exam.problems, exam.written
    grades, pick = grade(model, exam.dataset, config.batch_size), pick_of(config)
    whole = grades.exact & (pick is greedy)
    missed = problems[~whole]
    if every is not None:
        counts, missed = grade_every(
            model, every, splits, written, problems, whole, exam.progress, quick
        )
    heard, right = hear(model, missed, written, config.batch_size, exam.progress, pick)
    # The first of the missed ones are those of the test split.
    exact, said = whole.copy(), heard.head((~whole).sum())
    exact[~whole] = right[: len(said)]
    if pick is not greedy:
        whole = (said["said"] == said["target"]).to_numpy()
    everything = None if every is None else finished(counts, missed[right])
    return Verdicts(replace(grades, exact=exact), whole, said, heard[~right], everything)
