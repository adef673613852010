"""Grade every problem of a space, counted apart by the split that it belongs to, or unseen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ..common.errors import UserError
from ..config import DataConfig
from ..data.description import read_description
from ..data.formats import Format
from ..data.problems import Problems
from ..data.records import SPLITS, Record, Records, to_records
from ..models import TransformerLM
from ..splits.source import space_of
from ..splits.space import ENUMERABLE, ProblemSpace
from ..terminal.progress_bar import track
from .difficulty import KINDS, describe_columns
from .grading import shares, tally
from .screening import QuickLeads, exact

UNSEEN = "unseen"
# Problems that are tokens at once: some MiB, whatever the size of the space.
_CHUNK = 2**15


def space_of_folder(folder: Path) -> ProblemSpace:
    """All problems of the kind that a data folder was drawn from.

    Raises:
        UserError: if it does not say which: its seen problems could not be told from unseen ones.
    """
    description = read_description(folder)
    if description is None or description["data"] is None:
        raise UserError(
            f"evaluation.exhaustive = true: {folder} has no config.yaml that says what its splits "
            "were drawn from, as python -m src.data_gen writes it"
        )
    return space_of(DataConfig.model_validate(description["data"]))


def every_problem(space: ProblemSpace) -> Problems:
    """All problems of a space.

    Raises:
        UserError: if there are more than `ENUMERABLE`.
    """
    problems = space.enumerate()
    if problems is None:
        raise UserError(
            f"evaluation.exhaustive = true: the data is drawn from more than {ENUMERABLE:,} "
            "problems; a sample must do, evaluation.exhaustive: false"
        )
    return problems


def grade_every(
    model: TransformerLM,
    problems: Problems,
    splits: Mapping[str, Records],
    written: Format,
    test: pd.DataFrame,
    whole: NDArray[np.bool_],
    progress: bool = False,
    quick: QuickLeads | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Grade all problems, of which the test split has been graded.

    Args:
        test: the test split's problems, see `breakdowns.describe_problems`.
        whole: bool (n,), to which of them the model gives the whole target.
        problems, splits, written, progress, quick: see `grade_rest`.

    Returns:
        What `tally` returns, with a column split, for `finished`; and the others, of which the
        whole target is not given, with the columns of test.
    """
    counts = tally(test[list(KINDS)].assign(all="all"), whole).assign(split="test")
    rest, missed = grade_rest(model, problems, splits, written, progress, quick)
    return pd.concat([counts, rest]), pd.concat([test[~whole], missed], ignore_index=True)


def grade_rest(
    model: TransformerLM,
    problems: Problems,
    splits: Mapping[str, Records],
    written: Format,
    progress: bool = False,
    quick: QuickLeads | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Grade all problems outside the test split, in the memory of some ten thousand.

    Right are those to which greedy decoding gives the whole target, steps included.

    Args:
        problems: what `every_problem` returns.
        splits: what the model was trained on, chosen on and tested on; all of these problems.
        written: how those splits are written.
        progress: show a bar, where there is a terminal.
        quick: see `screening.exact`.

    Returns:
        What `tally` returns, with a column split (train, val or `UNSEEN`) and the kind ``all``;
        and the wrong ones: prompt, target, the kinds of `describe`, split.

    Raises:
        UserError: for a problem that is longer than the model's max_seq_len.
    """
    device = next(model.parameters()).device
    split_of = _splits_of(problems, splits, written)
    rest = np.flatnonzero(split_of != "test")
    counts, errors = [], []
    chunks = np.split(rest, range(_CHUNK, len(rest), _CHUNK))
    for rows in track(chunks, "problems", len(rest), progress, len):
        chunk, split = problems[rows], split_of[rows]
        tokens = torch.from_numpy(written.tokens(chunk)).to(device)
        if tokens.size(1) > model.max_seq_len:
            raise UserError(
                f"evaluation.exhaustive = true: the longest problem has {tokens.size(1)} tokens or "
                f"more, but the model's max_seq_len = {model.max_seq_len}"
            )
        right = exact(model, tokens, quick).cpu().numpy()
        kinds = describe_columns(chunk)
        for name in pd.unique(split):
            here = split == name
            counts.append(tally(kinds[here].assign(all="all"), right[here]).assign(split=name))
        texts = pd.DataFrame(to_records(written.tokens(chunk[~right])), columns=Record._fields)
        of_wrong = kinds[~right].assign(split=split[~right]).reset_index(drop=True)
        errors.append(pd.concat([texts, of_wrong], axis=1))
    return pd.concat(counts), pd.concat(errors, ignore_index=True)


def _splits_of(
    problems: Problems, splits: Mapping[str, Records], written: Format
) -> NDArray[np.object_]:
    """The split of each problem of a space that holds them all, or `UNSEEN`."""
    names = [UNSEEN, *splits]
    labels = [np.zeros(len(problems), np.int64)]
    rows = [np.hstack((problems.operands, problems.operators))]
    for i, records in enumerate(splits.values(), start=1):
        if len(records):
            columns = written.columns(records.tokens)
            assert columns is not None  # drawn from this space, by this program
            rows.append(np.hstack(columns[:2]))
            labels.append(np.full(len(records), i))
    # Sorted, a problem stands beside the record that is the same; its label is the larger.
    table, label = np.concatenate(rows), np.concatenate(labels)
    if table.dtype == object:
        # Python's integers are not sorted by several columns: their ranks are.
        table = np.unique(table, return_inverse=True)[1].reshape(table.shape)
    order = np.lexsort((label, *table.T))
    last = np.zeros(len(order), np.bool_)
    last[-1] = True
    for column in table.T:
        last[:-1] |= np.diff(column[order]) != 0
    group = np.zeros(len(order), np.int64)
    group[order] = last.cumsum() - last
    return np.array(names, dtype=object)[label[order][last][group[: len(problems)]]]


def finished(counts: pd.DataFrame, also_right: pd.DataFrame) -> pd.DataFrame:
    """What exhaustive.csv holds, see `by_split`.

    Args:
        counts: what `grade_every` returns.
        also_right: those of the others that it returns whose answer is right after all.
    """
    parts = [
        # They have been counted among the problems.
        tally(rows[list(KINDS)].assign(all="all"), np.ones(len(rows), np.bool_)).assign(
            split=split, problems=0
        )
        for split, rows in also_right.groupby("split")
    ]
    return by_split(pd.concat([counts, *parts]))


def by_split(counts: pd.DataFrame) -> pd.DataFrame:
    """Counts of several chunks added up: split, kind, value, problems, wrong, exact_match, ..."""
    order = {name: i for i, name in enumerate((*SPLITS, UNSEEN, "all", *KINDS))}
    summed = counts.groupby(["split", "kind", "value"], as_index=False).sum()
    rows = summed.sort_values(["split", "kind"], key=lambda c: c.map(order), kind="stable")
    return shares(rows)
