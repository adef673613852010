"""All runs of some commits, like with like, and every run that is left out, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..common.errors import UserError
from ..common.yaml_1_2 import parse_yaml
from . import commits
from .commits import MissingFileError
from .evaluated import load_folder
from .experiments import (
    ERRORS,
    EXHAUSTIVE,
    Experiment,
    load_experiment,
    read_costs,
)
from .grouping import DataSet, data_sets
from .unfinished import unfinished


@dataclass(frozen=True)
class Comparison:
    """What is compared.

    Attributes:
        baselines: the commits that the experiments started from, the first the one that
            differences are told from.
        data_sets: the runs, like with like; the data of most runs first.
        notes: a sentence for each run that counts only in part or not at all, and for what the
            reader must know.
    """

    baselines: list[str]
    data_sets: list[DataSet]
    notes: list[str] = field(default_factory=list)


def load(revs: Sequence[str] = (), folders: Sequence[Path] = ()) -> Comparison:
    """Read the finished experiments that started from some commits, and evaluations by hand.

    Args:
        revs: the commits, as git names them, several in one text too; empty: the nearest one,
            HEAD or before, that experiments started from.
        folders: of evaluations by hand, see `load_folder`.

    Raises:
        UserError: if no experiment has finished, or a commit or folder is none.
    """
    everywhere = commits.experiment_commits()
    notes = []
    if named := " ".join(revs).split():
        begun = baselines = list(dict.fromkeys(map(commits.full_hash, named)))
    else:
        # Of the commits in between, some may be running.
        begun = commits.nearest(everywhere)
        baselines = begun[-1:]
        if distance := len(begun) - 1:
            before = "the commit" if distance == 1 else f"{distance:,} commits"
            notes.append(f"Experiments of {baselines[0][:7]}, {before} before this one.")
    runs, left_out, costs = [], [], read_costs()
    for baseline in baselines:
        for name, rev in everywhere.get(baseline, {}).items():
            try:
                runs.append(load_experiment(name, rev, baseline, costs))
            except (MissingFileError, KeyError, ValueError) as error:
                left_out.append(f"Left out: {name}, as its results cannot be read: {error}.")
    finished = {run.name for run in runs}
    if len({run.baseline for run in runs}) > 1:
        # The same names on several commits.
        runs = [replace(run, name=f"{run.name} ({run.baseline[:7]})") for run in runs]
    # One that failed and was run again has finished.
    left_out += [
        f"Left out: {name}, {said}." for name, said in unfinished(begun) if name not in finished
    ]
    if not runs:
        where = " or ".join(commit[:7] for commit in baselines)
        raise UserError(
            " ".join([f"no finished experiment of {where}; make compare runs them.", *left_out])
        )
    runs += [load_folder(folder, runs) for folder in folders]
    defaults = parse_yaml(commits.read(baselines[0], "params.yaml"), "params.yaml")
    sets = sorted(data_sets(runs, defaults), key=lambda each: -sum(map(len, each.groups.values())))
    notes += [
        f"{name} has the same weights as {other}, and counts once."
        for each in sets
        for name, other in each.repeated
    ]
    notes += _code_notes(sets) + _missing_notes(runs)
    return Comparison(baselines, sets, notes + left_out)


def _code_notes(sets: Sequence[DataSet]) -> list[str]:
    """For sources that a label names by their hash, an experiment whose commit holds them."""
    known: dict[str, Experiment] = {}
    for run in (run for each in sets for group in each.groups.values() for run in group):
        if run.code:
            known.setdefault(run.code, run)
    if len(known) < 2:
        return []
    return [
        f"The sources code={code[:7]} are those of {run.name}: commit {run.rev[:7]}, for git diff."
        for code, run in known.items()
    ]


def _missing_notes(runs: Sequence[Experiment]) -> list[str]:
    """For each run that lacks a file which a table or a test needs."""
    notes = []
    for run in runs:
        graded_all = run.metrics.get("exhaustive_problems")
        for path in [ERRORS, *([EXHAUSTIVE] if graded_all else [])]:
            try:
                run.read(path)
            except MissingFileError as error:
                notes.append(
                    f"{run.name}: {error}; what needs it goes without this run. "
                    "dvc exp pull brings it from a remote, make compare makes it again."
                )
    return notes
