"""Grade others' models by what they say, with the figures and tables that ours have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..common.errors import UserError
from ..common.files import check_writable
from ..config import Params
from ..data.description import read_convention
from ..terminal.results_table import show
from .breakdowns import break_down, describe_problems, figures
from .grading import Grades
from .other_opening import open_other
from .reading import read
from .results import about, write_results


def evaluate_other(
    params: Params,
    folder: Path,
    template: str,
    data_dir: Path,
    out_dir: Path,
    skip_bad_rows: bool = False,
) -> dict[str, Any]:
    """Grade, print and write the results of a model that transformers opens.

    It is right where the text of its answer is the target; where targets have steps, where what
    stands behind the last ``=`` of the text is the answer in the target. What only our own models
    can be asked is left out: tables of digits given the true ones before them, and of experts,
    have no rows.

    Args:
        params: `evaluation:` and `runtime:` of it count.
        folder, template: see `open_other`.
        data_dir: holds test.jsonl.
        out_dir: gets the files that one of our own models has.
        skip_bad_rows: leave out and count test rows that are malformed, wrong or duplicates.

    Returns:
        What eval.json holds: `breakdowns.figures` with no loss, and with skip_bad_rows the counts.

    Raises:
        UserError: for a file that is missing or not what it should be, and if
            `evaluation:` asks for what only our own models can be asked.
        OSError: if nothing can be written to out_dir, before anything is graded.
    """
    config = params.evaluation
    if config.exhaustive:
        raise UserError(
            "evaluation.exhaustive = true: --hf grades the test split alone, as each answer is "
            "written token by token; evaluation.exhaustive: false in a file for --config"
        )
    ordinary = {"lengths": 0, "attention_scale": 1, "temperature": 0, "weights": "best"}
    for key, needed in ordinary.items():
        if (value := getattr(config, key)) != needed:
            raise UserError(f"evaluation.{key} = {value}: must be {needed} with --hf")
    check_writable(out_dir)
    splits, _, skipped = read(config, data_dir, skip_bad_rows)
    records, written = splits["test"], read_convention(data_dir).format
    other = open_other(folder, template, params.runtime.accelerator)

    said = other.answers(list(records), config.batch_size, params.runtime.progress, written.traced)
    pairs = list(zip(said, records, strict=True))
    right = [written.is_right(answer, record.target) for answer, record in pairs]
    whole = np.array([answer == record.target for answer, record in pairs])
    grades = Grades.of_answers(np.array(right))
    problems = describe_problems(records, written)
    counts = other.parameters, other.active_parameters
    metrics = figures(other.architecture, counts, grades, whole if written.traced else None)
    metrics |= skipped
    tables = break_down(problems, grades, written)
    problems.insert(2, "said", said)
    tables["errors"] = problems[~grades.exact]

    origin = about(folder, metrics, data_dir, template, ("torch", "transformers"))
    write_results(metrics, tables, out_dir, origin)
    samples = [(record, answer) for answer, record in pairs[: config.n_samples]]
    show(metrics, tables, samples, written, "the model's training data is not known")
    return metrics
