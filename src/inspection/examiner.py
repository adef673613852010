"""Ask a checkpoint's model, and say of each answer whether it is right."""

from __future__ import annotations

from collections.abc import Mapping

from ..checkpoint import Loaded
from ..config import DataConfig
from ..data.description import Convention, convention_of
from ..data.lineage import data_of, story_of, trainings
from ..terminal.verdict import verdict
from .certainty import Said, answers_with_certainty
from .questions import right_target, unlike


class Examiner:
    """Asks a checkpoint's model.

    Attributes:
        model: the model.
        convention: how its problems are written and their operators bind.

    Args:
        loaded: the checkpoint.
        data: says the convention, where the checkpoint does not.
    """

    def __init__(self, loaded: Loaded, data: DataConfig) -> None:
        story = story_of(loaded.content)
        self.model = loaded.model
        self.convention = convention_of(story["data"]) or Convention.of(data)
        self._known = [data_of(training) for training in trainings(story)]

    def target(self, prompt: str) -> str:
        """The right answer to a problem.

        Raises:
            UserError: for what cannot be asked, see `right_target`.
        """
        return right_target(prompt, self.model.max_seq_len, self.convention)

    def lines(self, targets: Mapping[str, str]) -> list[str]:
        """What the model says to each problem: answer, verdict, and each token's probability.

        Such as ``12+34=46  right  4 99.98% (3 0.01%)  6 99.97% (5 0.02%)  <eos> 99.99% (0 0.01%)``.
        Behind the verdict stands in parentheses what the model was not trained on.

        Args:
            targets: the right answer to each problem, see `target`.
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
