"""The comparison as JSON's values and as Markdown tables."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..terminal.counted import counted
from ..terminal.progress_bar import duration
from .comparison import Comparison
from .figures import architectures, exhaustive, pairs, runs

# What the figures of a difference assume, beside them.
ASSUMPTIONS = (
    "*crossed t*: of the architectures; seeds and problems are samples, the means of the seeds "
    "normally distributed. *sign test*: of these sets of weights only, as fewer than three seeds "
    "say too little about others. p is corrected for the number of rows (Holm)."
)


def to_json(comparison: Comparison) -> dict[str, Any]:
    """What comparison.json holds: everything in the tables, with every seed, null where unknown.

    Keys: baselines, notes; data, a row for each data set with label and common; and the tables
    architectures, runs, exhaustive and pairs, whose rows say to which data set they belong.
    """
    content: dict[str, Any] = {
        "baselines": comparison.baselines,
        "notes": comparison.notes,
        "data": [{"label": d.label, "common": d.common} for d in comparison.data_sets],
        **{name: [] for name in ("architectures", "runs", "exhaustive", "pairs")},
    }
    for data in comparison.data_sets:
        found = {
            "architectures": architectures(data.groups),
            "runs": runs(data.groups),
            "exhaustive": exhaustive(data.groups),
            "pairs": pairs(data),
        }
        for name, frame in found.items():
            content[name] += [{"data": data.label} | row for row in _rows(frame)]
    return content


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    # Every digit, which pandas' own JSON rounds away; NaN, which is no JSON, as null.
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def markdown(content: dict[str, Any]) -> str:
    """All tables, those of each data set under a heading if there are several, and all notes.

    Args:
        content: what `to_json` returns.
    """
    lines: list[str] = []
    for data in content["data"]:
        own = {
            name: [row for row in content[name] if row["data"] == data["label"]]
            for name in ("architectures", "runs", "exhaustive", "pairs")
        }
        if len(content["data"]) > 1:
            lines += [f"### Data: {data['label']}", ""]
        lines += [f"All {', '.join(data['common'])}, where a label does not say otherwise.", ""]
        lines += _architectures(own["architectures"]) + _runs(own["runs"])
        lines += _all_problems(own["exhaustive"]) + _pairs(own["pairs"])
        lines.append("")
    lines += [f"- {note}" for note in content["notes"]]
    return "\n".join(lines).rstrip() + "\n"


def _architectures(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| architecture | exact match, mean | sd | lowest .. highest | loss | steps to 90 % "
        "| to 99 % | to 99.9 % | parameters | active | training FLOPs | time |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        spread = f"{row['exact_match_min']:.2%} .. {row['exact_match_max']:.2%}"
        lines.append(
            f"| {row['label']} | {row['exact_match_mean']:.2%} of {counted(row['seeds'], 'seed')} "
            f"| {_or_dash(row['exact_match_sd'], '.2%')} | {spread} "
            f"| {_or_dash(row['loss_mean'], '.5f')} "
            f"| {_steps(row)} "
            f"| {row['parameters']:,} | {row['active_parameters']:,} "
            f"| {_or_dash(row['training_flops'], '.2e')} | {_time(row)} |"
        )
    return lines


def _runs(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "",
        "| run | architecture | seed | exact match (95 %) | wrong | loss | steps to 90 % | to 99 % "
        "| to 99.9 % | steps | time | on | ended |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        interval = f"{row['exact_match_low']:.2%} .. {row['exact_match_high']:.2%}"
        lines.append(
            f"| {row['experiment']} | {row['label']} | {_or_dash(row['seed'], '')} "
            f"| {row['exact_match']:.2%} ({interval}) "
            f"| {row['wrong']:,} of {row['problems']:,} | {_or_dash(row['loss'], '.5f')} "
            f"| {_steps(row)} "
            f"| {_or_dash(row['steps'], ',.0f')} | {_time(row)} | {row['processor'] or '-'} "
            f"| {(row['ended'] or '-')[:10]} |"
        )
    return lines


def _all_problems(rows: list[dict[str, Any]]) -> list[str]:
    """Wrong answers by lengths of the operands, for runs that graded every problem."""
    if not rows:
        return []
    lengths = [name.removeprefix("wrong_") for name in rows[0] if name.startswith("wrong_")]
    titles = [f"{length} of {rows[0][f'problems_{length}']:,}" for length in lengths]
    lines = [
        "",
        f"| wrong, by operands' digits | all | {' | '.join(titles)} |",
        "|---" * (2 + len(lengths)) + "|",
    ]
    for row in rows:
        figures = [f"{row[f'wrong_{length}']:,}" for length in lengths]
        whole = f"{row['wrong']:,} of {row['problems']:,}"
        lines.append(f"| {row['experiment']} | {whole} | {' | '.join(figures)} |")
    return lines


def _pairs(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    lines = [
        "",
        "| difference in exact match | points | 95 % | p | p, corrected | test |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        interval = "-"
        if row["low"] is not None:
            interval = f"{100 * row['low']:+.3f} .. {100 * row['high']:+.3f}"
        lines.append(
            f"| {row['a']} - {row['b']} | {100 * row['difference']:+.3f} | {interval} "
            f"| {row['p']:.2g} | {row['p_holm']:.2g} | {row['method']}, "
            f"{counted(row['seeds'], 'seed')} x {counted(row['problems'], 'problem')} |"
        )
    return [*lines, "", ASSUMPTIONS]


def summary(content: dict[str, Any]) -> str:
    """A row for each architecture as it is by default, as the README shows them.

    Args:
        content: what `to_json` returns.
    """
    lines = [
        "| architecture | exact match, mean of seeds | lowest .. highest | wrong of all problems "
        "| parameters | of them active | training FLOPs |",
        "|---|---|---|---|---|---|---|",
    ]
    labels = {row["experiment"]: row["label"] for row in content["runs"]}
    for row in content["architectures"]:
        if " " in row["label"]:
            continue
        graded = [g for g in content["exhaustive"] if labels[g["experiment"]] == row["label"]]
        wrong = [each["wrong"] for each in graded]
        lines.append(
            f"| {row['label']} | {row['exact_match_mean']:.2%} of {row['seeds']} "
            f"| {row['exact_match_min']:.2%} .. {row['exact_match_max']:.2%} | "
            + (f"{min(wrong):,} .. {max(wrong):,} of {graded[0]['problems']:,}" if wrong else "-")
            + f" | {row['parameters']:,} | {row['active_parameters']:,} "
            f"| {_or_dash(row['training_flops'], '.2e')} |"
        )
    return "\n".join(lines) + "\n"


def _steps(row: dict[str, Any]) -> str:
    shares = ("90", "99", "99_9")
    return " | ".join(_or_dash(row[f"steps_to_{share}"], ",.0f") for share in shares)


def _time(row: dict[str, Any]) -> str:
    return "-" if row["seconds"] is None else duration(row["seconds"])


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
