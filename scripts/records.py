"""The history of the default recipe's time to 99.9 %, from the runs that were committed.

python -m scripts.records [--print]    # writes the tables of docs/records.md

Each commit of metrics/comparison.csv has runs of every architecture with several seeds. Of each
architecture: the validation at which they first had 99.9 % of the problems, in the median of the
seeds, and what they had spent until then. A commit is a record if that is fewer steps, or fewer
operations, than any before it needed.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

import pandas as pd

from src.common.errors import UserError
from src.common.files import ROOT, open_replacing
from src.common.markdown import literal
from src.common.marked_section import insert
from src.common.yaml_1_2 import parse_yaml
from src.compare.commits import git
from src.config import DataConfig, ModelConfig, Section, TrainingConfig
from src.params import load_params
from src.terminal.cli import Parser, run

PAGE = ROOT / "docs" / "records.md"
BEGIN = "<!-- records: written by python -m scripts.records -->"
_RUNS = "./metrics/comparison.csv"
# The sections of params.yaml that a training depends on.
_TYPES: dict[str, type[Section]] = {
    "data": DataConfig,
    "models": ModelConfig,
    "training": TrainingConfig,
}
# Keys that change what is looked at and when, and not what is learned.
_LOOKS = ("log_every_n_steps", "n_samples", "keep_best", "snapshots", "patience")
# What the table tells of each recipe; of the rest, what changed.
_TOLD = ("optimizer", "learning_rate", "batch_size", "max_steps")
_MISSING = "-"


@dataclass(frozen=True)
class Entry:
    """The runs of one architecture in one commit.

    Attributes:
        steps, flops, seconds: to 99.9 % of the validation problems, medians of the seeds; infinite
            if fewer than half of them came so far; seconds are NaN where the runs did not tell.
        exact_match: share of the test problems with a right answer, mean of the final weights.
        recipe: values of params.yaml by dotted key.
    """

    commit: str
    date: str
    seeds: int
    steps: float
    flops: float
    seconds: float
    exact_match: float
    processor: str
    recipe: dict[str, Any]


def entries(architecture: str) -> Iterator[Entry]:
    """What each commit of the comparison says of an architecture, oldest first."""
    log = git("log", "--reverse", "--date=short", "--format=%H %ad", "--", _RUNS)
    for line in log.splitlines():
        commit, date = line.split()
        runs = pd.read_csv(io.StringIO(git("show", f"{commit}:{_RUNS}")))
        if "architecture" not in runs or "steps_to_99_9" not in runs:
            continue
        # The runs of the default recipe; others have names of their own.
        default = runs["experiment"].str.fullmatch(rf"{architecture}-seed\d+")
        runs = runs[default & (runs["architecture"] == architecture)]
        if len(runs):
            params = parse_yaml(git("show", f"{commit}:./params.yaml"), f"{commit}: params.yaml")
            yield _entry(commit, date, runs, _recipe(params, architecture))


def _entry(commit: str, date: str, runs: pd.DataFrame, recipe: dict[str, Any]) -> Entry:
    to = runs["steps_to_99_9"].fillna(math.inf)
    share = to / runs["steps"]
    seconds = runs["seconds"] if "seconds" in runs else share * math.nan
    processors: list[str] = list(runs["processor"].unique()) if "processor" in runs else []
    return Entry(
        commit,
        date,
        len(runs),
        median(to),
        median(share * runs["training_flops"]),
        median(share * seconds),
        runs["exact_match"].mean(),
        ", ".join(processors),
        recipe,
    )


def _recipe(params: dict[str, Any], architecture: str) -> dict[str, Any]:
    models = params.get("models", {})
    sections = {
        "data": params.get("data", {}),
        f"models.{architecture}": models.get(architecture, {}),
        "training": params.get("training", {}),
    }
    return {
        f"{section}.{key}": value
        for section, values in sections.items()
        for key, value in values.items()
        if key not in _LOOKS
    }


def records(history: Iterator[Entry]) -> list[Entry]:
    """The entries that needed fewer steps, or fewer operations, than any before them."""
    best: list[Entry] = []
    for entry in history:
        fewer_steps = entry.steps < min((e.steps for e in best), default=math.inf)
        if fewer_steps or entry.flops < min((e.flops for e in best), default=math.inf):
            best.append(entry)
    return best


def changes(before: Entry, after: Entry) -> str:
    """What else differs between two recipes, of the keys whose value in both is known."""
    told = [f"training.{key}" for key in _TOLD]
    differences = []
    for key, value in after.recipe.items():
        section, _, name = key.rpartition(".")
        field = _TYPES[section.partition(".")[0]].model_fields.get(name)
        # Before there was the key, all was as its default says.
        default = value if field is None or field.is_required() else field.default
        earlier = before.recipe.get(key, default)
        if key not in told and earlier != value:
            differences.append(f"{key} {_word(earlier)} → {_word(value)}")
    return "; ".join(differences)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def table(best: list[Entry]) -> str:
    """A Markdown table of the records of one architecture, the oldest first."""
    lines = [
        "| day | commit | steps | FLOPs | seconds | processor | exact match | seeds "
        "| optimizer | learning rate | batch | of steps | else changed |",
        f"|{'---|' * 13}",
    ]
    for before, entry in zip([None, *best], best, strict=False):
        # There was one optimizer before there was a key for it.
        recipe = [entry.recipe.get(f"training.{key}", "adamw") for key in _TOLD]
        cells = [
            entry.date,
            entry.commit[:7],
            f"{entry.steps:,.0f}",
            f"{entry.flops:.2e}".replace("e+", "e"),
            _MISSING if math.isnan(entry.seconds) else f"{entry.seconds:,.0f}",
            entry.processor or _MISSING,
            f"{entry.exact_match:.2%}",
            entry.seeds,
            *recipe,
            (before and changes(before, entry)) or _MISSING,
        ]
        lines.append(f"| {' | '.join(map(literal, cells))} |")
    return "\n".join(lines) + "\n"


def page(architectures: list[str]) -> str:
    """The tables of all architectures, each under its name."""
    parts = []
    for name in architectures:
        if best := records(entries(name)):
            parts.append(f"\n### {name}\n\n{table(best)}")
    if not parts:
        raise UserError("no commit of metrics/comparison.csv tells the steps to 99.9 %")
    return "".join(parts)


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser("scripts.records", f"Write the records into {PAGE.relative_to(ROOT)}.")
    parser.add_argument("--print", action="store_true", help="print them instead")
    only_print = "print" in parser.parse_args(argv)
    found = page(list(load_params().models))
    if only_print:
        print(found)
        return
    text = insert(PAGE.read_text(), found, BEGIN)
    with open_replacing(PAGE) as file:
        file.write(text)


if __name__ == "__main__":
    run(main)
