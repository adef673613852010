"""Grade a model on operands of each length, whatever lengths it was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ..common.errors import UserError
from ..config import DataConfig, EvaluationConfig
from ..data.description import read_description
from ..data.formats import Format
from ..data.lineage import Story, data_of, trainings
from ..data.problems import Problems
from ..data.records import Record, to_records
from ..models import TransformerLM
from ..ops.sampling import Pick, greedy
from ..terminal.progress_bar import track
from .answering import answered_right
from .cells import Cell, cells, draw
from .grading import shares
from .leaks import Leaks

# Name, longest operand, chain, problems, right ones.
Row = tuple[str, int, int | None, int, int]


class Grid(NamedTuple):
    """What is graded beside a data set.

    Attributes:
        cells: see `cells.cells`.
        data: what the data set was drawn from.
        problems: of a cell.
    """

    cells: list[Cell]
    data: DataConfig
    problems: int

    def draw(self, cell: Cell) -> Problems:
        """The problems of a cell."""
        return draw(cell, self.data, self.problems)


def grid_of(
    config: EvaluationConfig, folder: Path, written: Format, max_seq_len: int
) -> Grid | None:
    """What `evaluation.lengths` asks for; None where it is 0.

    Args:
        folder: of the data set whose N, operators and format the problems have.
        max_seq_len: of the model.

    Raises:
        UserError: where the folder does not say what it was drawn from, or has no such problems,
            and where one is longer than max_seq_len.
    """
    if not config.lengths:
        return None
    asked = f"evaluation.lengths = {config.lengths}"
    description = read_description(folder)
    if description is None or description["data"] is None:
        raise UserError(
            f"{asked}: {folder} has no config.yaml that says what its splits were drawn from, "
            "as python -m src.data_gen writes it"
        )
    data = DataConfig.model_validate(description["data"])
    grid = Grid(cells(config, data), data, config.length_problems)
    # Short ones first: who is refused learns how far the model reaches.
    for cell in sorted(grid.cells, key=lambda cell: max(cell.lengths)):
        width = sum(cell.lengths) + len(cell.lengths) + 3
        if width <= max_seq_len:
            width = written.tokens(grid.draw(cell)).shape[1]
        if width > max_seq_len:
            raise UserError(
                f"{asked}: a problem of {cell.name} digits has {width} tokens, "
                f"but the model's max_seq_len = {max_seq_len}"
            )
    return grid


def grade_lengths(
    model: TransformerLM,
    grid: Grid,
    written: Format,
    batch_size: int,
    progress: bool = False,
    pick: Pick = greedy,
) -> pd.DataFrame:
    """Grade the problems of a grid, a cell at a time, on the model's device.

    Where the format shows steps, the model writes them, and the answer behind them counts.

    Args:
        written: how the problems are.
        batch_size: problems graded at once.
        progress: show a bar, where there is a terminal.
        pick: how each next token is chosen.

    Returns:
        A `table` with a row for each cell.
    """
    rows: list[Row] = []
    total = len(grid.cells) * grid.problems
    for cell in track(grid.cells, "problems", total, progress, lambda _: grid.problems):
        problems = grid.draw(cell)
        parts = [problems[i : i + batch_size] for i in range(0, len(problems), batch_size)]
        right = sum(
            int(answered_right(model, written.tokens(part), written, batch_size, pick=pick).sum())
            for part in parts
        )
        rows.append((cell.name, max(cell.lengths), cell.chain, len(problems), right))
    return table(rows)


def table(rows: Sequence[Row] = ()) -> pd.DataFrame:
    """Graded cells as by_lengths.csv has them.

    Returns:
        lengths (see `Cell.name`), longest (digits), carry_chain (missing where a cell is of
        lengths alone), and the columns of `grading.shares`.
    """
    names = ["lengths", "longest", "carry_chain", "problems", "right"]
    return shares(pd.DataFrame(rows, columns=names).astype({"carry_chain": "Int64"}))


def may_be_known(grid: Grid, written: Format, story: Story) -> Iterator[Record]:
    """The problems of a grid that are short enough to be in the data of some training.

    Args:
        story: see `lineage.Origin`.
    """
    trained = [data_of(training) for training in trainings(story)]
    largest = max(data["B"] for data in [grid.data.model_dump(), *filter(None, trained)])
    for cell in grid.cells:
        if max(cell.lengths) <= len(str(largest)):
            yield from to_records(written.tokens(grid.draw(cell)))


def figures(graded: pd.DataFrame, leaks: Leaks | None = None) -> dict[str, float]:
    """What eval.json holds of lengths.

    Args:
        graded: what `grade_lengths` returns.
        leaks: of the problems that `may_be_known`; None: they are told elsewhere.

    Returns:
        exact_match_lengths, the mean over the cells of lengths, and exact_match_chains, that over
        the cells of chains, where there are some; lengths_in_training, how many of the problems
        were in the training data, where that is known.
    """
    of_chains = graded["carry_chain"].notna()
    found = {"exact_match_lengths": float(graded["exact_match"][~of_chains].mean())}
    if of_chains.any():
        found["exact_match_chains"] = float(graded["exact_match"][of_chains].mean())
    if leaks is not None and not leaks.unknown:
        found["lengths_in_training"] = int(leaks.in_training.sum())
    return found
