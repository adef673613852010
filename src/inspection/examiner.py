"""Ask a model, and say of each answer whether it is right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from ..checkpoint import Loaded
from ..config import DataConfig
from ..data.description import Convention, convention_of
from ..data.lineage import data_of, trainings
from ..data.records import Record
from ..evaluation.other_model import OtherModel
from ..generation import CUT
from ..terminal.verdict import verdict
from ..tokenizer import EOS
from .certainty import Said, answers_with_certainty
from .questions import question, unlike


class Examiner(Protocol):
    """Asks a model."""

    def question(self, prompt: str) -> Record:
        """What the model is asked for a problem that a person typed, and the right target.

        Raises:
            UserError: for what cannot be asked, see `questions.question`.
        """

    def lines(self, questions: Sequence[Record]) -> list[str]:
        """What the model says to each problem, and whether it is right.

        Args:
            questions: see `question`.
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

    def question(self, prompt: str) -> Record:
        """See `Examiner.question`."""
        return question(prompt, self.model.max_seq_len, self.convention)

    def lines(self, questions: Sequence[Record]) -> list[str]:
        """See `Examiner.lines`; with each token's probability, and the next likely one's.

        Such as ``12+34=46  right  4 99.98% (3 0.01%)  6 99.97% (5 0.02%)  <eos> 99.99% (0 0.01%)``.
        In parentheses behind the verdict stands how a problem is unlike those of the training.
        """
        answers = answers_with_certainty(self.model, [record.prompt for record in questions])
        return [
            self._line(record, *answer) for record, answer in zip(questions, answers, strict=True)
        ]

    def _line(self, record: Record, answer: str, said: list[Said]) -> str:
        written = self.convention.format
        note = unlike(record.prompt, written, self._known)
        tokens = (
            f"{s.token} {s.probability:.2%} ({s.runner_up} {s.its_probability:.2%})" for s in said
        )
        if written.traced and said[-1].token != EOS:
            answer += CUT
        return "  ".join((verdict(record, answer, written, note), *tokens))


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

    def question(self, prompt: str) -> Record:
        """See `Examiner.question`."""
        record = question(prompt, math.inf, self._convention)
        self._other.check_room(record)
        return record

    def lines(self, questions: Sequence[Record]) -> list[str]:
        """See `Examiner.lines`; such as ``12+34=46  right``."""
        written = self._convention.format
        answers = self._other.answers(questions, self._batch_size, mark_cut=written.traced)
        pairs = zip(questions, answers, strict=True)
        return [verdict(record, answer, written) for record, answer in pairs]
