"""Finished runs: parameters, metrics, files, and all that can have changed their result."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from ..common.csv_cells import unquote, unquoted
from ..common.errors import UserError
from ..common.files import RUNS_DIR, read_bytes
from ..common.yaml_1_2 import parse_yaml
from ..config import EvaluationConfig
from . import commits
from .commits import MissingFileError

DATA = "data/arithmetic"
SEED = "training.seed"
# The problems that a run answers wrong, and its figures on all problems and on those of chosen
# lengths, if it graded them.
ERRORS = "metrics/errors.csv"
EXHAUSTIVE = "metrics/exhaustive.csv"
LENGTHS = "metrics/by_lengths.csv"
METRICS = ("metrics/train.json", "metrics/eval.json")
# Stages whose sources decide what is trained and how it is graded; those of the data are known by
# the data itself.
_STAGES = ("train", "evaluate")
# Keys of `evaluation:` that decide answers, and their defaults.
_GRADING = {
    key: EvaluationConfig.model_fields[key].default
    for key in ("weights", "temperature", "top_k", "attention_scale")
}


@dataclass(frozen=True)
class Experiment:
    """One finished run.

    Attributes:
        name: the experiment's name.
        rev: its commit.
        data: hash of the data that it was trained and graded on.
        params: content of its params.yaml.
        metrics: contents of train.json and eval.json together.
        code: hash of the sources that trained and graded it.
        weights: hash of its checkpoints.
        baseline: the commit that it started from.
        cost: seconds of its training, processor, and ended (a date), as far as they are known.
        folder: of results that an evaluation by hand wrote; None: they are in the commit.
    """

    name: str
    rev: str
    data: str
    params: dict[str, Any]
    metrics: dict[str, Any]
    code: str = ""
    weights: str = ""
    baseline: str = ""
    cost: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def architecture(self) -> str:
        """`gpt2`, `llama2` or `mixtral`; of others' models what they call theirs."""
        return str(self.metrics["architecture"])

    @property
    def seed(self) -> int | None:
        """Seed of the initialisation and the order of the batches; None if it is not known."""
        seed = self.params.get("training", {}).get("seed")
        return None if seed is None else int(seed)

    @property
    def settings(self) -> dict[str, Any]:
        """The parameters that decide the result, except data and seed, by dotted key."""
        values = settings(self.params, self.params.get("model", ""))
        values.pop(SEED, None)
        return values

    @property
    def machine(self) -> str:
        """What rounded its numbers: hardware, threads, compilation, and PyTorch's version."""
        if self.folder or "hardware" not in self.metrics:
            return "an unknown machine"
        return f"{self.metrics['hardware']}, torch {self.metrics['torch']}"

    def read(self, path: str) -> str:
        """The text of a file that this run wrote.

        Raises:
            MissingFileError: if it is not there.
            UserError: if it is no text.
        """
        if self.folder is None:
            return commits.read(self.rev, path)
        file = self.folder / Path(path).name
        try:
            return read_bytes(file).decode()
        except FileNotFoundError:
            raise MissingFileError(f"{file} is not there") from None
        except UnicodeDecodeError as error:
            raise UserError(f"{file}: not text: {error}") from None

    def table(self, path: str) -> pd.DataFrame:
        """A CSV file that this run wrote; only an empty cell is NaN, not one such as ``None``.

        Raises:
            MissingFileError: see `read`.
            UserError: if it is no table.
        """
        text = StringIO(self.read(path))
        try:
            table = pd.read_csv(text, keep_default_na=False, na_values=[""])
        except ValueError as error:
            file = (self.folder or Path(self.name)) / Path(path).name
            raise UserError(f"{file}: no table: {error}") from None
        return unquote(table)


def settings(params: dict[str, Any], architecture: str) -> dict[str, Any]:
    """The sections `training:` and `models.<architecture>:` by dotted key, and how was graded.

    Of `evaluation:` those keys that decide what a test problem's answer is; a file that is older
    than they are means their defaults.

    >>> found = settings({"training": {"seed": 1}, "models": {"gpt2": {"d_ff": 8}}}, "gpt2")
    >>> found["training.seed"], found["models.gpt2.d_ff"], found["evaluation.weights"]
    (1, 8, 'best')
    """
    model = params.get("models", {}).get(architecture, {})
    sections = {"training": params.get("training", {}), f"models.{architecture}": model}
    found = {f"{name}.{key}": v for name, values in sections.items() for key, v in values.items()}
    graded = params.get("evaluation", {})
    return found | {f"evaluation.{key}": graded.get(key, v) for key, v in _GRADING.items()}


def load_experiment(
    name: str, rev: str, baseline: str, costs: Mapping[str, dict[str, Any]]
) -> Experiment:
    """An experiment of DVC.

    Args:
        rev: its commit.
        baseline: the commit that it started from.
        costs: see `read_costs`.

    Raises:
        MissingFileError: if it has no metrics.
    """
    texts = [commits.read(rev, path) for path in METRICS]
    metrics = {key: value for text in texts for key, value in json.loads(text).items()}
    params = parse_yaml(commits.read(rev, "params.yaml"), f"params.yaml of experiment {name}")
    stages = commits.lock(rev)
    sources = sorted(
        f"{dep['path']} {dep['md5']}"
        for stage in _STAGES
        for dep in stages[stage]["deps"]
        if dep["path"].startswith("src/")
    )
    return Experiment(
        name,
        rev,
        commits.output_hash(rev, DATA) or "",
        params,
        metrics,
        code=hashlib.sha256("\n".join(sources).encode()).hexdigest(),
        weights=commits.output_hash(rev, "models") or rev,
        baseline=baseline,
        cost=costs.get(hashlib.sha256(texts[0].encode()).hexdigest(), {}),
    )


def read_costs() -> dict[str, dict[str, Any]]:
    """Seconds, processor and date of the trainings of this machine, by the hash of train.json."""
    path = RUNS_DIR / "costs.csv"  # src/training/cost.py writes it
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        row["train_json"]: {
            "seconds": float(row["seconds"]),
            "processor": unquoted(row["processor"]),
            "ended": row["ended"],
        }
        for row in rows
    }
