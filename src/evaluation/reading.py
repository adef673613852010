"""What an evaluation grades: the test split, and every problem where that is asked for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ..common.errors import BadRowError, UserError
from ..config import EvaluationConfig
from ..data.problems import Problems
from ..data.reading import BAD_ROWS, read_distinct, read_splits
from ..data.records import Records
from .exhaustive import every_problem, space_of_folder


def read(
    config: EvaluationConfig, data_dir: Path, skip_bad_rows: bool
) -> tuple[dict[str, Records], Problems | None, dict[str, int]]:
    """What is to be graded.

    Returns:
        The test split; where all problems are graded the other splits too, and all problems; and
        how many rows of each kind were skipped, by the name of their figure.

    Raises:
        UserError: for a file that is missing or not what it should be.
    """
    skipped = Counter(dict.fromkeys(BAD_ROWS, 0))
    try:
        test = read_distinct(data_dir / "test.jsonl", skipped if skip_bad_rows else None)
    except BadRowError as error:
        raise UserError(f"{error}; --skip_bad_rows goes on without such rows") from None
    figures = {f"skipped_{kind}": n for kind, n in skipped.items()} if skip_bad_rows else {}
    if not config.exhaustive:
        return {"test": test}, None, figures
    every = every_problem(space_of_folder(data_dir))
    return read_splits(data_dir, {"test": test}), every, figures
