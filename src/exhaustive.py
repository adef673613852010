"""Grade every problem of a space, apart for those that were trained on and those never seen."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

# rich: a bar for what takes minutes.
from rich.progress import track

from .dataset import ArithmeticDataset
from .difficulty import KINDS, describe
from .errors import UserError
from .grading import grade, shares, tally
from .models import TransformerLM
from .problems import Problems, evaluate
from .records import SPLITS, Record
from .sampling import ENUMERABLE, ProblemSpace

UNSEEN = "unseen"
# Problems that are text and tokens at once: some MiB, whatever the size of the space.
_CHUNK = 2**14


def every_problem(space: ProblemSpace) -> Problems:
    """All problems of a space.

    Raises:
        UserError: if there are more than `ENUMERABLE`.
    """
    problems = space.enumerate()
    if problems is None:
        raise UserError(
            f"evaluation.exhaustive = true: data: describes more than {ENUMERABLE:,} problems; "
            "a sample must do, evaluation.exhaustive: false"
        )
    return problems


def check_splits(space: ProblemSpace, splits: Mapping[str, Sequence[Record]]) -> None:
    """Refuse data that the space does not hold: its problems could not be told from unseen ones.

    Raises:
        UserError: with the first record that is outside.
    """
    for split in SPLITS:
        for record in splits[split]:
            if not _holds(space, record):
                raise UserError(
                    f"evaluation.exhaustive = true: data: in params.yaml does not describe "
                    f"{record.prompt}{record.target} of the {split} split"
                )


def _holds(space: ProblemSpace, record: Record) -> bool:
    body = record.prompt.rstrip("=")
    operands = body.translate(str.maketrans("+-*/", "    ")).split()
    operators = {symbol for symbol in body if not symbol.isdigit()}
    return (
        len(operands) == space.N
        and all(space.A <= int(operand) <= space.B for operand in operands)
        and operators <= set(space.ops)
        and evaluate(record.prompt, space.precedence) == int(record.target)
    )


def grade_rest(
    model: TransformerLM,
    problems: Problems,
    splits: Mapping[str, Sequence[Record]],
    batch_size: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Grade all problems outside the test split, in the memory of a few thousand.

    Args:
        problems: what `every_problem` returns.
        splits: what the model was trained on, chosen on and tested on.

    Returns:
        What `tally` returns, with a column split (train, val or `UNSEEN`) and the kind ``all``;
        and the wrong ones: prompt, target, the kinds of `describe`, split.
    """
    split_of = {r.prompt: split for split, records in splits.items() for r in records}
    counts, errors = [], []
    n_chunks = -(-len(problems) // _CHUNK)
    quiet = not sys.stdout.isatty()
    for chunk in track(_chunks(problems), "grading all problems", n_chunks, disable=quiet):
        records = [record for record in chunk if split_of.get(record.prompt) != "test"]
        split = pd.Series([split_of.get(record.prompt, UNSEEN) for record in records])
        kinds = describe(records)
        exact = grade(model, ArithmeticDataset(records), batch_size).exact
        counts += [
            tally(rows, exact[rows.index]).assign(split=name)
            for name, rows in kinds.assign(all="all").groupby(split)
        ]
        table = pd.concat([pd.DataFrame(records), kinds], axis=1).assign(split=split)
        errors.append(table[~exact])
    return pd.concat(counts), pd.concat(errors, ignore_index=True)


def by_split(counts: pd.DataFrame) -> pd.DataFrame:
    """Counts of several chunks added up: split, kind, value, problems, wrong, exact_match, ..."""
    order = {name: i for i, name in enumerate((*SPLITS, UNSEEN, "all", *KINDS))}
    summed = counts.groupby(["split", "kind", "value"], as_index=False).sum()
    rows = summed.sort_values(["split", "kind"], key=lambda c: c.map(order), kind="stable")
    return shares(rows)


def _chunks(problems: Problems) -> Iterator[list[Record]]:
    for start in range(0, len(problems), _CHUNK):
        chunk = problems[start : start + _CHUNK]
        answers = map(str, chunk.answers.tolist())
        yield list(map(Record, chunk.prompts(), answers))
