"""Finished DVC experiments: what was run, what came out, and the files that each left."""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pandas as pd

from ..common.errors import UserError
from ..common.yaml_1_2 import parse_yaml

DATA = "data/arithmetic"
# What two runs may differ in and still be seeds of one configuration.
SEED = "training.seed"


@dataclass(frozen=True)
class Experiment:
    """One finished run.

    Attributes:
        name: DVC's name of it.
        rev: its commit.
        data: hash of the data it was trained and graded on.
        params: its params.yaml.
        metrics: what train.json and eval.json hold together.
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
        """Of the initialisation and the order of the batches."""
        return self.params["training"]["seed"]

    @property
    def configuration(self) -> dict[str, Any]:
        """All that decides the result except the data and the seed, by dotted key."""
        sections = {"training": self.params["training"]}
        sections[self.params["model"]] = self.params["models"][self.params["model"]]
        flat = {
            f"{section}.{k}": v for section, values in sections.items() for k, v in values.items()
        }
        del flat[SEED]
        return flat

    def read(self, path: str) -> str:
        """The text of a file as this run left it, from git or DVC's cache.

        Raises:
            UserError: if the cache does not hold it.
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
        """A CSV file as this run left it."""
        return pd.read_csv(StringIO(self.read(path)), keep_default_na=False, na_values=[""])


@dataclass(frozen=True)
class Experiments:
    """What `dvc exp show` lists under a commit.

    Attributes:
        finished: one for each set of weights, by architecture and seed.
        left_out: name and state of those that failed or have not ended.
    """

    finished: list[Experiment]
    left_out: list[tuple[str, str]]


def load_experiments(rev: str = "HEAD") -> Experiments:
    """The experiments that started from a commit.

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
    """The distinct finished experiments among what ``dvc.api.exp_show`` returns, and the others.

    DVC shows a failed or unfinished experiment with the metrics of the commit it started from:
    only its state tells.
    """
    experiments = [row for row in rows if row["typ"] != "baseline"]
    finished: dict[str, dict[str, Any]] = {}
    left_out = []
    for row in experiments:
        if row["State"] in (None, "Success"):
            # The same weights have the same results: a run that was repeated counts once, the
            # one that graded more if they differ in that.
            # Where there is no figure, DVC leaves the column out, or says "None" in letters.
            graded_more = isinstance(row.get("exhaustive_problems"), float)
            if row["models"] not in finished or graded_more:
                finished[row["models"]] = row
        else:
            left_out.append((row["Experiment"] or row["rev"], row["State"]))
    names = {row["Experiment"] for row in finished.values()}
    # One that failed first and was run again is no loss.
    return list(finished.values()), sorted({pair for pair in left_out if pair[0] not in names})


def _load(row: dict[str, Any]) -> Experiment:
    name = row["Experiment"] or row["rev"]
    bare = Experiment(name, row["rev"], row[DATA], {}, {})
    files = ("metrics/train.json", "metrics/eval.json")
    metrics = {k: v for file in files for k, v in json.loads(bare.read(file)).items()}
    params = parse_yaml(bare.read("params.yaml"), f"params.yaml of experiment {name}")
    return Experiment(name, row["rev"], row[DATA], params, metrics)


def group(experiments: list[Experiment]) -> dict[str, list[Experiment]]:
    """Runs that differ in nothing but the seed, under a label.

    The label is the architecture; where an architecture was run in several configurations, what
    tells them apart stands behind it: ``llama2 norm=layernorm``.

    Raises:
        UserError: if they were trained on different data: their figures do not compare.
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
