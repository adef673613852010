"""The comparison as JSON's values and as Markdown tables."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..common.markdown import literal, row
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
            content[name] += [{"data": data.label} | each for each in _rows(frame)]
    return content


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    # Every digit, which pandas' own JSON rounds away; NaN, which is no JSON, as null.
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in each.items()} for each in rows]


def markdown(content: dict[str, Any]) -> str:
    """All tables, those of each data set under a heading if there are several, and all notes.

    Args:
        content: what `to_json` returns.
    """
    lines: list[str] = []
    for data in content["data"]:
        own = {
            name: [each for each in content[name] if each["data"] == data["label"]]
            for name in ("architectures", "runs", "exhaustive", "pairs")
        }
        if len(content["data"]) > 1:
            lines += [f"### Data: {literal(data['label'])}", ""]
        common = literal(", ".join(data["common"]))
        lines += [f"All {common}, where a label does not say otherwise.", ""]
        lines += _architectures(own["architectures"]) + _runs(own["runs"])
        lines += _all_problems(own["exhaustive"]) + _pairs(own["pairs"])
        lines.append("")
    lines += [f"- {literal(note)}" for note in content["notes"]]
    return "\n".join(lines).rstrip() + "\n"


def _architectures(found: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| architecture | exact match, mean | sd | lowest .. highest | loss | steps to 90 % "
        "| to 99 % | to 99.9 % | parameters | active | training FLOPs | time |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for each in found:
        cells = [
            each["label"],
            f"{each['exact_match_mean']:.2%} of {counted(each['seeds'], 'seed')}",
            _or_dash(each["exact_match_sd"], ".2%"),
            f"{each['exact_match_min']:.2%} .. {each['exact_match_max']:.2%}",
            _or_dash(each["loss_mean"], ".5f"),
            *_steps(each),
            f"{each['parameters']:,}",
            f"{each['active_parameters']:,}",
            _or_dash(each["training_flops"], ".2e"),
            _time(each),
        ]
        lines.append(row(*cells))
    return lines


def _runs(found: list[dict[str, Any]]) -> list[str]:
    lines = [
        "",
        "| run | architecture | seed | exact match (95 %) | wrong | loss | steps to 90 % | to 99 % "
        "| to 99.9 % | steps | time | on | ended |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for each in found:
        interval = f"{each['exact_match_low']:.2%} .. {each['exact_match_high']:.2%}"
        cells = [
            each["experiment"],
            each["label"],
            _or_dash(each["seed"], ""),
            f"{each['exact_match']:.2%} ({interval})",
            f"{each['wrong']:,} of {each['problems']:,}",
            _or_dash(each["loss"], ".5f"),
            *_steps(each),
            _or_dash(each["steps"], ",.0f"),
            _time(each),
            each["processor"] or "-",
            (each["ended"] or "-")[:10],
        ]
        lines.append(row(*cells))
    return lines


def _all_problems(found: list[dict[str, Any]]) -> list[str]:
    """Wrong answers by lengths of the operands, for runs that graded every problem."""
    if not found:
        return []
    lengths = [name.removeprefix("wrong_") for name in found[0] if name.startswith("wrong_")]
    titles = [f"{length} of {_told(found, f'problems_{length}'):,.0f}" for length in lengths]
    lines = [
        "",
        row("wrong, by operands' digits", "all", *titles),
        "|---" * (2 + len(lengths)) + "|",
    ]
    for each in found:
        figures = [_or_dash(each[f"wrong_{length}"], ",.0f") for length in lengths]
        whole = f"{each['wrong']:,} of {each['problems']:,}"
        lines.append(row(each["experiment"], whole, *figures))
    return lines


def _told(found: list[dict[str, Any]], key: str) -> float:
    """What the first run tells that tells it; all are of the same data."""
    return next((each[key] for each in found if each[key] is not None), 0)


def _pairs(found: list[dict[str, Any]]) -> list[str]:
    if not found:
        return []
    lines = [
        "",
        "| difference in exact match | points | 95 % | p | p, corrected | test |",
        "|---|---|---|---|---|---|",
    ]
    for each in found:
        interval = "-"
        if each["low"] is not None:
            interval = f"{100 * each['low']:+.3f} .. {100 * each['high']:+.3f}"
        asked = f"{counted(each['seeds'], 'seed')} x {counted(each['problems'], 'problem')}"
        cells = [
            f"{each['a']} - {each['b']}",
            f"{100 * each['difference']:+.3f}",
            interval,
            f"{each['p']:.2g}",
            f"{each['p_holm']:.2g}",
            f"{each['method']}, {asked}",
        ]
        lines.append(row(*cells))
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
    labels = {run["experiment"]: run["label"] for run in content["runs"]}
    for each in content["architectures"]:
        if " " in each["label"]:
            continue
        graded = [g for g in content["exhaustive"] if labels[g["experiment"]] == each["label"]]
        wrong = [run["wrong"] for run in graded]
        cells = [
            each["label"],
            f"{each['exact_match_mean']:.2%} of {each['seeds']}",
            f"{each['exact_match_min']:.2%} .. {each['exact_match_max']:.2%}",
            f"{min(wrong):,} .. {max(wrong):,} of {graded[0]['problems']:,}" if wrong else "-",
            f"{each['parameters']:,}",
            f"{each['active_parameters']:,}",
            _or_dash(each["training_flops"], ".2e"),
        ]
        lines.append(row(*cells))
    return "\n".join(lines) + "\n"


def _steps(found: dict[str, Any]) -> list[str]:
    shares = ("90", "99", "99_9")
    return [_or_dash(found[f"steps_to_{share}"], ",.0f") for share in shares]


def _time(found: dict[str, Any]) -> str:
    return "-" if found["seconds"] is None else duration(found["seconds"])


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
