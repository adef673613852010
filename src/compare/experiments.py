"""Finished DVC experiments: their parameters, metrics and files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pandas as pd

from ..common.errors import UserError
from ..common.yaml_1_2 import parse_yaml

DATA = "data/arithmetic"
# Not part of a configuration: runs that differ in nothing else are its seeds.
SEED = "training.seed"


@dataclass(frozen=True)
class Experiment:
    """One finished run.

    Attributes:
        name: the experiment's name.
        rev: its commit.
        data: hash of the data that it was trained and graded on.
        params: content of its params.yaml.
        metrics: contents of train.json and eval.json together.
    """

    name: str
    rev: str
    data: str
    params: dict[str, Any]
    metrics: dict[str, Any]

    @property
    def architecture(self) -> str:
        """`gpt2`, `llama2` or `mixtral`."""
        return self.metrics["architecture"]

    @property
    def seed(self) -> int:
        """Seed of the initialisation and the order of the batches."""
        return self.params["training"]["seed"]

    @property
    def configuration(self) -> dict[str, Any]:
        """The parameters that decide the result, except data and seed, by dotted key."""
        sections = {"training": self.params["training"]}
        sections[self.params["model"]] = self.params["models"][self.params["model"]]
        flat = {
            f"{section}.{k}": v for section, values in sections.items() for k, v in values.items()
        }
        del flat[SEED]
        return flat

    def read(self, path: str) -> str:
        """The text of a file that this run wrote, from git or DVC's cache.

        Raises:
            UserError: if neither has the file.
        """
        from dvc.api import DVCFileSystem

        try:
            return DVCFileSystem(rev=self.rev).read_text(path, encoding="utf-8")
        except FileNotFoundError:
            raise UserError(
                f"{path} of experiment {self.name} is neither in git nor in DVC's cache; "
                f"dvc exp pull brings it from a remote"
            ) from None

    def table(self, path: str) -> pd.DataFrame:
        """A CSV file that this run wrote; only an empty cell is NaN, not one such as ``None``.

        Raises:
            UserError: see `read`.
        """
        return pd.read_csv(StringIO(self.read(path)), keep_default_na=False, na_values=[""])


@dataclass(frozen=True)
class Experiments:
    """The experiments that `dvc exp show` lists under a commit.

    Attributes:
        finished: one for each set of weights, sorted by architecture and seed.
        left_out: name and state of those that failed or have not ended.
    """

    finished: list[Experiment]
    left_out: list[tuple[str, str]]


def load_experiments(rev: str = "HEAD") -> Experiments:
    """The experiments that started from a commit.

    Args:
        rev: the commit, as git names it.

    Raises:
        UserError: if none has finished, or rev is unknown.
    """
    # DVC takes a second to import.
    from dvc.api import exp_show
    from dvc.scm import RevError

    try:
        rows = exp_show(revs=rev)
    except RevError as error:
        raise UserError(str(error)) from None
    rows, left_out = select(rows)
    if not rows:
        why = ", ".join(f"{name} is {state}" for name, state in left_out)
        raise UserError(f"no finished experiment of {rev}; make compare runs them. {why}")
    finished = [_load(row) for row in rows]
    finished.sort(key=lambda e: (e.architecture, e.seed, e.name))
    return Experiments(finished, left_out)


def select(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """Rows of finished experiments, one for each set of weights, and names and states of others.

    DVC shows a failed or unfinished experiment with the metrics of the commit that it started
    from, so only its state tells it from a finished one.

    Args:
        rows: what ``dvc.api.exp_show`` returns.
    """
    experiments = [row for row in rows if row["typ"] != "baseline"]
    finished: dict[str, dict[str, Any]] = {}
    left_out = []
    for row in experiments:
        if row["State"] in (None, "Success"):
            # A repeated run has the same weights and results, so it counts once. If only one of
            # them graded all problems, that one counts. Where there is no figure, DVC leaves the
            # column out or has the word None.
            graded_more = isinstance(row.get("exhaustive_problems"), float)
            if row["models"] not in finished or graded_more:
                finished[row["models"]] = row
        else:
            left_out.append((row["Experiment"] or row["rev"], row["State"]))
    names = {row["Experiment"] for row in finished.values()}
    # Without those that failed and were run again.
    return list(finished.values()), sorted({pair for pair in left_out if pair[0] not in names})


def _load(row: dict[str, Any]) -> Experiment:
    name = row["Experiment"] or row["rev"]
    bare = Experiment(name, row["rev"], row[DATA], {}, {})
    files = ("metrics/train.json", "metrics/eval.json")
    metrics = {k: v for file in files for k, v in json.loads(bare.read(file)).items()}
    params = parse_yaml(bare.read("params.yaml"), f"params.yaml of experiment {name}")
    return Experiment(name, row["rev"], row[DATA], params, metrics)


def group(experiments: list[Experiment]) -> dict[str, list[Experiment]]:
    """Groups of runs that differ in nothing but the seed, by label.

    The label is the architecture; where an architecture was run in several configurations, the
    parameters that they differ in follow it: ``llama2 norm=layernorm``.

    Raises:
        UserError: if they were trained on different data, as their figures do not compare.
    """
    data = {experiment.data: experiment.name for experiment in experiments}
    if len(data) > 1:
        raise UserError(
            f"the experiments were trained on different data ({' and '.join(data.values())} are "
            "examples); dvc exp remove those that should not be compared"
        )
    groups: dict[str, list[Experiment]] = {}
    for experiment in experiments:
        same = [e for e in experiments if e.architecture == experiment.architecture]
        flat = experiment.configuration
        differing = [
            f"{key.split('.')[1]}={flat[key]}"
            for key in flat
            if any(other.configuration.get(key) != flat[key] for other in same)
        ]
        groups.setdefault(" ".join([experiment.architecture, *differing]), []).append(experiment)
    return groups
