"""The runs that a study lacks, made by a sweep; each becomes a row as soon as it has finished."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..compare.commits import git
from ..compare.experiments import load_experiment, read_costs
from ..sweep import elsewhere, local
from ..sweep.repository import experiments, head, refs_on
from ..terminal.progress_bar import duration
from ..terminal.say import say
from .cells import Cell, rounds
from .rows import SETTINGS, add_row, read_rows, row_of


def missing(cells: Sequence[Cell], rows: pd.DataFrame) -> list[Cell]:
    """The cells that have no row."""
    there = set(rows[SETTINGS])
    return [cell for cell in cells if cell.settings not in there]


def announce(cells: Sequence[Cell], rows: pd.DataFrame, path: Path, jobs: int) -> None:
    """Say how many runs there are, and how long they will take, as far as rows tell."""
    todo = missing(cells, rows)
    say(f"{len(cells)} runs, {len(cells) - len(todo)} of them in {path}")
    seconds = pd.to_numeric(rows.get("seconds", pd.Series(dtype=float)), errors="coerce")
    known = seconds[rows[SETTINGS].isin([cell.settings for cell in cells])].dropna()
    if not todo:
        return
    if len(known):
        left = duration(float(known.mean()) * len(todo) / min(jobs, len(todo)))
        say(f"{len(todo)} to run, {jobs} at a time: about {left}, by the trainings that are there")
    else:
        say(
            f"{len(todo)} to run, {jobs} at a time; how long it takes is said after the first steps"
        )


class Harvest:
    """Makes a row of each experiment that has finished.

    Args:
        cells: all of the study.
        path: the file of its rows.

    Attributes:
        commit: that of the experiments, the one that is checked out.
    """

    def __init__(self, cells: Sequence[Cell], path: Path) -> None:
        self._cells = {cell.run.name: cell for cell in cells}
        self._order = [cell.settings for cell in cells]
        self._path, self.commit = path, head()

    def __call__(self, name: str) -> None:
        """Take in the experiment of a run."""
        rev = experiments(".", refs_on(self.commit))[name]
        experiment = load_experiment(name, rev, self.commit, read_costs())
        add_row(self._path, row_of(self._cells[name], experiment), self._order)

    def drop(self) -> None:
        """Remove the experiments that are rows: beside others, they would fill all tables."""
        rows = read_rows(self._path)
        there = experiments(".", refs := refs_on(self.commit))
        for name, cell in self._cells.items():
            if name in there and cell.settings in set(rows[SETTINGS]):
                git("update-ref", "-d", f"{refs}{name}")


def run_missing(
    todo: Sequence[Cell],
    harvest: Harvest,
    jobs: int,
    cpus: int,
    cluster: tuple[str, str, Path | None] | None,
) -> list[str]:
    """Run the cells that have no row.

    Args:
        jobs: how many run at a time on this machine.
        cpus: threads of each.
        cluster: address, git remote and folder of runs, see `elsewhere.sweep`; None: this machine.

    Returns:
        The names of the runs that failed.
    """
    failures: list[str] = []
    for part in rounds(todo):
        runs = [cell.run for cell in part]
        if cluster is None:
            failures += local.sweep(runs, harvest.commit, jobs, cpus, harvest)
        else:
            address, remote, runs_dir = cluster
            failures += elsewhere.sweep(
                runs, remote, address, runs_dir, harvest, cpus=cpus, gpus=0, retries=3
            )
    return failures
