"""The page of a study, in Markdown: all but the study's own words is computed from its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from ..common.markdown import code, row
from ..report.studies import ASKED
from .cells import word
from .file import OF_LENGTHS, Study
from .summary import Line, beside, lower_is_better, minutes, text

# By `weights` of eval.json, which is not there where validation chose.
_GRADED = {
    "best": "those with the lowest validation loss",
    "last": "the final ones",
    "best_on_test": "those of all kept that are right most often on the test split, which is no "
    "result",
}


def page(
    name: str, study: Study, path: Path, found: Sequence[Line], pictures: Sequence[str], stale: int
) -> str:
    """The text of the page.

    Args:
        path: of the study's file, from the repository's root.
        found: all lines.
        pictures: file names of the charts, in their order; empty for one without any run yet.
        stale: how many rows of the file are of settings that the study no longer has.
    """
    rows = pd.concat([line.rows for line in found], ignore_index=True)
    parts = [
        f"# {name}",
        f"{ASKED}{study.question}",
        "## Expected",
        study.expected.strip(),
        "## Found",
        *_pictures(study, pictures),
        _table(study, found),
        *_beside(study),
        *(["## Concluded", study.conclusion.strip()] if study.conclusion else []),
        "## How",
        "\n".join(f"- {line}" for line in protocol(study, path, found, rows, stale)),
        *(["## With a larger machine", study.larger.strip()] if study.larger else []),
    ]
    return "\n\n".join(parts) + "\n"


def _pictures(study: Study, pictures: Sequence[str]) -> list[str]:
    found = []
    for chart, picture in zip(study.charts, pictures, strict=True):
        if not picture:
            continue
        said = "A dot is a run, a stroke the median."
        if chart.x in OF_LENGTHS:
            said = "Each line is the median over the seeds."
        elif chart.x:
            said = "A dot is a run, a line joins medians."
            if any(each.of == chart.x for each in study.published):
                said += " Hollow diamonds are published figures."
        found += [f"![{chart.title}]({picture})", f"*{chart.title}. {said}*"]
    return found


def _table(study: Study, found: Sequence[Line]) -> str:
    first, *others = study.measure
    columns: dict[str, Callable[[Line], str]] = {
        "runs": _runs,
        f"{first}, median": _median(first),
    }
    if any(line.interval(first) for line in found):
        columns["95 % of the median run"] = lambda line: _interval(line, first)
    worst = "highest" if lower_is_better(first) else "lowest"
    columns[worst] = lambda line: _figure(line, line.worst(first), first)
    if (threshold := study.threshold) is not None:
        sign = "<=" if lower_is_better(first) else ">="
        columns[f"{sign} {text(threshold, first)}"] = lambda line: _reaching(line, first, threshold)
    columns |= {each: _median(each) for each in others}
    if any(beside(study, line) for line in found):
        columns["published"] = lambda line: (
            ", ".join(text(value, first) for _, value in beside(study, line)) or "-"
        )
    cells = [[*line.place.values(), *(cell(line) for cell in columns.values())] for line in found]
    header = [*study.names, *columns]
    return "\n".join([row(*header), "|---" * len(header) + "|", *(row(*cell) for cell in cells)])


def _runs(line: Line) -> str:
    n = len(line.rows)
    return f"{n} of {line.planned}" if n < line.planned else str(n)


def _median(column: str) -> Callable[[Line], str]:
    return lambda line: _figure(line, line.median(column), column)


def _figure(line: Line, value: float | None, column: str) -> str:
    return text(value, column) if len(line.rows) else "-"


def _interval(line: Line, column: str) -> str:
    found = line.interval(column)
    return f"{found[0]:.2%} .. {found[1]:.2%}" if found else "-"


def _reaching(line: Line, column: str, threshold: float) -> str:
    k, of, (low, high) = line.reaching(column, threshold)
    return f"{k} of {of} ({low:.0%} .. {high:.0%})" if of else "-"


def _beside(study: Study) -> list[str]:
    if not study.published:
        return []
    return ["Published: " + "; ".join(dict.fromkeys(each.source for each in study.published)) + "."]


def protocol(
    study: Study, path: Path, found: Sequence[Line], rows: pd.DataFrame, stale: int
) -> list[str]:
    """How the figures came about: a list of sentences, computed from settings and rows."""
    done, planned = len(rows), sum(line.planned for line in found)
    said = [f"`python -m src.study {path}` makes the runs that are missing, and this page."]
    if done:
        commits = ", ".join(dict.fromkeys(rows["commit"].astype(str).str[:7]))
        machines = " and ".join(dict.fromkeys(rows["hardware"].astype(str)))
        said.append(
            f"{done} of {planned} runs have finished, each a row of `studies/{path.stem}.csv`; "
            f"their trainings took {minutes(rows)} together ({machines}), of commit {commits}."
        )
    if stale:
        said.append(f"{stale} rows of that file are of settings that the study no longer has.")
    seeds = ", ".join(map(str, study.seeds))
    keys = " and ".join(f"`{key}`" for key in study.seed_keys)
    said.append(f"Seeds {seeds}, each the value of {keys}; none was chosen among others.")
    for more in study.more_seeds:
        where = ", ".join(f"{axis} {code(' or '.join(v))}" for axis, v in more.where.items())
        said.append(f"With {where} also {', '.join(map(str, more.seeds))}.")
    said += _grading(rows)
    base = ", ".join(code(f"{key}={word(value)}") for key, value in study.base.items())
    said.append(f"Settings: those of params.yaml with {base or 'no change'}; and for each axis:")
    for axis in study.names:
        said += _axis(study, axis)
    shares = "an even number of runs the worse of the two in the middle"
    said.append(f"Medians are runs: of {shares}. Intervals are Wilson's, at 95 %.")
    return said


def _grading(rows: pd.DataFrame) -> list[str]:
    if "problems" not in rows:
        return []
    said = []
    sampled = "temperature" in rows and rows["temperature"].notna().any()
    how = "as the axes say" if sampled else "greedy decoding"
    counts = ", ".join(f"{int(n):,}" for n in sorted(set(rows["problems"].dropna())))
    said.append(
        f"Graded on {counts} test problems, {how}; a problem counts if its answer is right."
    )
    if {"in_training", "swapped_in_training"} <= set(rows):
        same, swapped = (int(rows[c].sum()) for c in ("in_training", "swapped_in_training"))
        said.append(
            f"Of all runs' test problems, {same:,} were in the training data, and {swapped:,} with "
            "their operands swapped."
        )
    return said


def _axis(study: Study, axis: str) -> list[str]:
    """What each value of an axis changes; nothing where the axis is the key itself."""
    changes = {value: grid[axis][value] for grid in study.axes for value in grid[axis]}
    if all(list(each) == [axis] for each in changes.values()):
        return []
    lines = []
    for value, made in changes.items():
        words = ", ".join(code(f"{key}={word(each)}") for key, each in made.items())
        lines.append(f"{axis} {code(value)}: {words or 'as it is'}.")
    return lines
