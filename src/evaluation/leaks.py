"""Which graded problems a model was trained on, as far as its checkpoint tells."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ..common.errors import UserError
from ..config import DataConfig
from ..data.formats import Format
from ..data.lineage import data_of, digest_of, trainings
from ..data.problems import OPERATORS, Problems
from ..data.reading import read_records
from ..data.records import Record
from ..splits.source import chunks, n_counted, source_of
from ..splits.stratified import Strata
from ..terminal.progress_bar import track

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Leaks:
    """What a model knew before it was asked.

    Attributes:
        in_training: bool (n,), the problem itself was in the training data.
        swapped: bool (n,), it was not, but it was with its operands in another order.
        unknown: trainings that the weights went through on data that is not known.
    """

    in_training: Mask
    swapped: Mask
    unknown: int

    def __getitem__(self, rows: slice) -> Leaks:
        return Leaks(self.in_training[rows], self.swapped[rows], self.unknown)

    def metrics(self, exact: Mask) -> dict[str, float]:
        """Counts, and the exact match without all that was known; empty if data is unknown.

        Args:
            exact: bool (n,), which problems the model gets right.
        """
        if self.unknown:
            return {}
        unseen = ~(self.in_training | self.swapped)
        found: dict[str, float] = {
            "in_training": int(self.in_training.sum()),
            "swapped_in_training": int(self.swapped.sum()),
        }
        return found | ({"exact_match_unseen": float(exact[unseen].mean())} if unseen.any() else {})

    def sentence(self, exact: Mask) -> str:
        """The same in words."""
        unseen = ~(self.in_training | self.swapped)
        known = (
            f"{self.in_training.sum():,} of {len(unseen):,} problems were in the training data, "
            f"{self.swapped.sum():,} others with their operands swapped"
        )
        if self.unknown:
            if not (~unseen).any():
                return "the checkpoint's training data is not known"
            return f"at least {known}; some training data is not known"
        if not unseen.any():
            return f"{known}; none was unseen"
        return f"{known}; of {unseen.sum():,} unseen ones {exact[unseen].mean():.2%} right"


class _Problem(NamedTuple):
    """A problem by its values: ``007+5=`` and ``7+5=`` are the same."""

    operators: tuple[int, ...]
    operands: tuple[int, ...]

    @classmethod
    def read(cls, prompt: str, written: Format) -> Self:
        operands, operators = written.read_prompt(prompt)
        return cls(tuple(map(OPERATORS.index, operators)), tuple(operands))

    @property
    def unordered(self) -> _Problem:
        return self._replace(operands=tuple(sorted(self.operands)))


def _problems_of(problems: Problems) -> Iterator[_Problem]:
    pairs = zip(problems.operators.tolist(), problems.operands.tolist(), strict=True)
    return (_Problem(tuple(operators), tuple(operands)) for operators, operands in pairs)


def find_leaks(
    records: Sequence[Record],
    written: Format,
    story: Mapping[str, Any],
    data_dir: Path,
    progress: bool = False,
) -> Leaks:
    """Look for problems in the data of every training that a checkpoint's weights went through.

    Data that was generated is known by its `data:` section. Of imported data the checkpoint has
    the hash only: it is known where the folder holds the same file.

    Args:
        records: the graded problems.
        written: how they are, and all others in their folder.
        story: see `lineage.Origin`.
        data_dir: where the graded problems are from.
        progress: show a bar, where there is a terminal, while training data is drawn again.
    """
    problems = [_Problem.read(record.prompt, written) for record in records]
    in_training, alike = np.zeros((2, len(problems)), np.bool_)
    unknown = 0
    for training in trainings(story):
        found = _masks_of(training, problems, data_dir / "train.jsonl", written, progress)
        if found is None:
            unknown += 1
        else:
            in_training, alike = in_training | found[0], alike | found[1]
    return Leaks(in_training, alike & ~in_training, unknown)


def _masks_of(
    training: Mapping[str, Any],
    problems: Sequence[_Problem],
    file: Path,
    written: Format,
    progress: bool,
) -> tuple[Mask, Mask] | None:
    """Which problems were in one training's data, as they are and in any order of the operands.

    None where that data is not known.
    """
    if data := data_of(training):
        config = DataConfig.model_validate(data)
        try:
            source = source_of(config)
            if isinstance(source, Strata):
                return _masks_in_strata(source, problems)
            parts = track(
                chunks(config, source),
                "problems",
                config.n_samples,
                progress,
                lambda part: n_counted(config, *part),
            )
            drawn = (
                each for split, part in parts if split == "train" for each in _problems_of(part)
            )
            return _masks_among(problems, drawn)
        except UserError:
            # There are too few such problems: no version of this program drew them.
            return None
    if file.is_file():
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        if digest == digest_of(training, "train"):
            read = (_Problem.read(record.prompt, written) for record in read_records(file))
            return _masks_among(problems, read)
    return None


def _masks_among(problems: Sequence[_Problem], others: Iterable[_Problem]) -> tuple[Mask, Mask]:
    """Which problems are among some others, as they are and in any order of the operands."""
    wanted = {problem.unordered for problem in problems}
    same, alike = set(), set()
    for other in others:
        if (unordered := other.unordered) in wanted:
            alike.add(unordered)
            same.add(other)
    return (
        np.array([problem in same for problem in problems], np.bool_),
        np.array([problem.unordered in alike for problem in problems], np.bool_),
    )


def _masks_in_strata(source: Strata, problems: Sequence[_Problem]) -> tuple[Mask, Mask]:
    """`_masks_among` a training split which is not drawn again, as it can tell what it holds."""
    same, alike = np.zeros((2, len(problems)), np.bool_)
    rows = np.array(list(_rows_inside(source, problems)), np.intp)
    if not len(rows):
        return same, alike
    operators = np.array([problems[i].operators for i in rows])
    operands = np.array([problems[i].operands for i in rows])
    nothing = np.zeros(len(rows), np.int64)
    for order in permutations(range(source.space.N)):
        moved = Problems(operands[:, order], operators, nothing, nothing)
        alike[rows] |= source.holds("train", moved)
        if order == tuple(range(source.space.N)):
            same[rows] = alike[rows]
    return same, alike


def _rows_inside(source: Strata, problems: Sequence[_Problem]) -> Iterator[int]:
    """The indices of those problems that the source's space has."""
    space = source.space
    operators_of_space = set(map(OPERATORS.index, space.ops))
    for i, (operators, operands) in enumerate(problems):
        if (
            len(operands) == space.N
            and set(operators) <= operators_of_space
            and all(space.A <= operand <= space.B for operand in operands)
        ):
            yield i
