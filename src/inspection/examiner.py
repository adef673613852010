"""Ask a model, and say of each answer whether it is right."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

from ..checkpoint import Loaded
from ..config import DataConfig
from ..data.description import Convention, convention_of
from ..data.lineage import data_of, trainings
from ..data.records import Record
from ..evaluation.other_model import OtherModel
from ..terminal.verdict import verdict
from .certainty import Said, answers_with_certainty
from .questions import right_target, unlike


class Examiner(Protocol):
    """Asks a model."""

    def target(self, prompt: str) -> str:
        """The right answer to a problem.

        Raises:
            UserError: for what cannot be asked, see `right_target`.
        """

    def lines(self, targets: Mapping[str, str]) -> list[str]:
        """What the model says to each problem, and whether it is right.

        Args:
            targets: the right answer to each problem, see `target`.
        """


class OurExaminer:
    """Asks a checkpoint's model.

    Attributes:
        model: the model.
        convention: how its problems are written and their operators bind.

    Args:
        loaded: the checkpoint.
        data: says the convention, where the checkpoint does not.
    """

    def __init__(self, loaded: Loaded, data: DataConfig) -> None:
        self.model = loaded.model
        self.convention = convention_of(loaded.story.get("data")) or Convention.of(data)
        self._known = [data_of(training) for training in trainings(loaded.story)]

    def target(self, prompt: str) -> str:
        """See `Examiner.target`."""
        return right_target(prompt, self.model.max_seq_len, self.convention)

    def lines(self, targets: Mapping[str, str]) -> list[str]:
        """See `Examiner.lines`; with each token's probability, and the next likely one's.

        Such as ``12+34=46  right  4 99.98% (3 0.01%)  6 99.97% (5 0.02%)  <eos> 99.99% (0 0.01%)``.
        In parentheses behind the verdict stands how a problem is unlike those of the training.
        """
        answers = answers_with_certainty(self.model, list(targets))
        return [
            self._line(prompt, target, *answer)
            for (prompt, target), answer in zip(targets.items(), answers, strict=True)
        ]

    def _line(self, prompt: str, target: str, answer: str, said: list[Said]) -> str:
        note = unlike(prompt, self.convention.format, self._known)
        tokens = (
            f"{s.token} {s.probability:.2%} ({s.runner_up} {s.its_probability:.2%})" for s in said
        )
        return "  ".join((verdict(prompt, answer, target, note), *tokens))


class OtherExaminer:
    """Asks another's model, of which neither a training nor probabilities of digits are known.

    Args:
        other: the model.
        data: says how problems are written and operators bind.
        batch_size: problems asked at once.
    """

    def __init__(self, other: OtherModel, data: DataConfig, batch_size: int) -> None:
        self._other, self._batch_size = other, batch_size
        self._convention = Convention.of(data)

    def target(self, prompt: str) -> str:
        """See `Examiner.target`."""
        target = right_target(prompt, math.inf, self._convention)
        self._other.check_room(Record(prompt, target))
        return target

    def lines(self, targets: Mapping[str, str]) -> list[str]:
        """See `Examiner.lines`; such as ``12+34=46  right``."""
        records = [Record(*asked) for asked in targets.items()]
        answers = self._other.answers(records, self._batch_size)
        return [verdict(r.prompt, a, r.target) for r, a in zip(records, answers, strict=True)]
