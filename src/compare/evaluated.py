"""What an evaluation by hand left, typed, so that no table is made of anything else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..common.errors import UserError
from ..common.files import read_bytes
from ..common.findings import finding
from ..common.yaml_1_2 import parse_yaml
from .commits import MissingFileError
from .experiments import DATA, ERRORS, EXHAUSTIVE, LENGTHS, Experiment

_Text = Annotated[str, Field(min_length=1, max_length=255)]
_Count = Annotated[int, Field(ge=0, lt=2**53)]
_Share = Annotated[float, Field(ge=0, le=1)]
# Columns that are texts, and those that are counts.
_COLUMNS = {
    ERRORS: (("prompt", "target", "said"), ()),
    EXHAUSTIVE: (("kind", "value"), ("problems", "wrong")),
    LENGTHS: (("lengths", "carry_chain"), ("longest", "problems", "wrong")),
}


class _Part(BaseModel):
    # An evaluation of another version may tell more.
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)


class _About(_Part):
    """about.json, see `evaluation.results.about`."""

    name: _Text
    test_sha256: str | None


class _Graded(_Part):
    """eval.json, as far as tables and charts show it."""

    architecture: _Text
    exact_match: _Share
    exact_match_low: _Share
    exact_match_high: _Share
    problems: Annotated[_Count, Field(ge=1)]
    wrong: _Count
    # Not known of others' models.
    loss: Annotated[float, Field(ge=0)] | None = None
    parameters: _Count
    active_parameters: _Count
    exhaustive_problems: _Count | None = None
    exhaustive_wrong: _Count | None = None
    exact_match_lengths: _Share | None = None
    exact_match_chains: _Share | None = None


_AnyPart = TypeVar("_AnyPart", bound=_Part)


def load_folder(folder: Path, experiments: Sequence[Experiment]) -> Experiment:
    """What an evaluation by hand wrote, as a run beside experiments on the same test problems.

    Args:
        folder: an ``--out_dir`` of `python -m src.eval`.
        experiments: among which its data is looked for.

    Raises:
        UserError: if it is no such folder, or was graded on other problems than all of them.
    """
    about = _read(folder / "about.json", _About)
    metrics = _read(folder / "eval.json", _Graded).model_dump(exclude_unset=True)
    # Another run on that data says what the data is.
    test = about.test_sha256
    same = next((each for each in experiments if test and _test_digest(each) == test), None)
    if same is None:
        raise UserError(
            f"{folder}: was graded on other problems than the experiments, or their data is not in "
            "DVC's cache; --data_dir of python -m src.eval says which"
        )
    params = {"data": same.params["data"], "evaluation": {}}
    name, weights = about.name, str(folder)
    run = Experiment(name, "", same.data, params, metrics, weights=weights, folder=folder)
    for path, (texts, counts) in _COLUMNS.items():
        _check_table(run, path, texts, counts)
    return run


def _read(path: Path, kind: type[_AnyPart]) -> _AnyPart:
    try:
        return kind.model_validate_json(read_bytes(path))
    except FileNotFoundError:
        hint = "python -m src.eval --out_dir writes one"
        raise UserError(f"{path.parent}: holds no evaluation; {hint}") from None
    except ValidationError as error:
        raise UserError(f"{path}: of no evaluation: {finding(error)}") from None


def _check_table(run: Experiment, path: str, texts: Sequence[str], counts: Sequence[str]) -> None:
    """Check the columns of a table, if the run has it."""
    try:
        table = run.table(path)
    except MissingFileError:
        return
    for name in (*texts, *counts):
        if name not in table:
            raise UserError(f"{run.folder}: {Path(path).name} has no column {name}")
    if path == EXHAUSTIVE and "all" not in set(table["kind"]):
        raise UserError(f"{run.folder}: {Path(path).name} has no row for all problems")
    for name in counts:
        column = table[name]
        if len(table) and not (pd.api.types.is_integer_dtype(column) and (column >= 0).all()):
            raise UserError(f"{run.folder}: {Path(path).name} holds no counts under {name}")


def _test_digest(experiment: Experiment) -> str | None:
    """SHA-256 of the test split that an experiment was graded on; None if it cannot be known."""
    try:
        described = experiment.read(f"{DATA}/config.yaml")
    except MissingFileError:
        return None
    return str(parse_yaml(described, DATA)["sha256"]["test"])
