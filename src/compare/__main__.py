"""Compare finished DVC experiments: tables in metrics/, docs/comparing.md and the README.

    python -m src.compare [--rev COMMIT]

Reads the experiments that started from a commit, the current one if none is given. Those that
failed or have not ended are left out, and named.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from ..common.files import METRICS_DIR, ROOT, open_replacing
from ..common.marked_section import insert
from ..terminal.cli import Parser, run
from .experiments import group, load_experiments
from .figures import Groups, architectures, exhaustive, pairs, runs

BEGIN = "<!-- comparison: written by python -m src.compare -->"


def to_json(groups: Groups) -> dict[str, Any]:
    """What comparison.json holds: everything in the tables, with every seed, null where unknown."""
    names = {
        "architectures": architectures,
        "runs": runs,
        "exhaustive": exhaustive,
        "pairs": pairs,
    }
    return {name: _rows(f(groups)) for name, f in names.items()}


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    # Every digit, which pandas' own JSON rounds away; NaN, which is no JSON, as null.
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def markdown(content: dict[str, Any]) -> str:
    """All tables, as docs/comparing.md shows them.

    Args:
        content: what `to_json` returns.
    """
    lines = [
        "| architecture | exact match, mean of seeds | sd | lowest .. highest | loss "
        "| steps to 90 % | to 99 % | to 99.9 % | parameters | active | training FLOPs |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in content["architectures"]:
        spread = f"{row['exact_match_min']:.2%} .. {row['exact_match_max']:.2%}"
        lines.append(
            f"| {row['label']} | {row['exact_match_mean']:.2%} of {row['seeds']} "
            f"| {_or_dash(row['exact_match_sd'], '.2%')} | {spread} | {row['loss_mean']:.5f} "
            f"| {_steps(row, '90')} | {_steps(row, '99')} | {_steps(row, '99_9')} "
            f"| {row['parameters']:,} | {row['active_parameters']:,} "
            f"| {row['training_flops']:.2e} |"
        )
    lines += [
        "",
        "| run | seed | exact match (95 %) | wrong | loss "
        "| steps to 90 % | to 99 % | to 99.9 % | steps |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in content["runs"]:
        interval = f"{row['exact_match_low']:.2%} .. {row['exact_match_high']:.2%}"
        lines.append(
            f"| {row['experiment']} | {row['seed']} | {row['exact_match']:.2%} ({interval}) "
            f"| {row['wrong']:,} of {row['problems']:,} | {row['loss']:.5f} "
            f"| {_steps(row, '90')} | {_steps(row, '99')} | {_steps(row, '99_9')} "
            f"| {row['steps']:,} |"
        )
    lines += _all_problems(content["exhaustive"])
    if content["pairs"]:
        lines += [
            "",
            "| difference in exact match | points | 95 % | p | p, corrected | test |",
            "|---|---|---|---|---|---|",
        ]
    for row in content["pairs"]:
        interval = "one seed"
        if row["low"] is not None:
            interval = f"{100 * row['low']:+.3f} .. {100 * row['high']:+.3f}"
        lines.append(
            f"| {row['a']} - {row['b']} | {100 * row['difference']:+.3f} | {interval} "
            f"| {row['p']:.2g} | {row['p_holm']:.2g} "
            f"| {row['method']}, {row['seeds']} seeds x {row['problems']:,} problems |"
        )
    return "\n".join(lines) + "\n"


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


def _steps(row: dict[str, Any], share: str) -> str:
    return _or_dash(row[f"steps_to_{share}"], ",.0f")


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def summary(content: dict[str, Any]) -> str:
    """A row for each architecture, as the README shows them.

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
        graded = [g for g in content["exhaustive"] if labels[g["experiment"]] == row["label"]]
        wrong = [each["wrong"] for each in graded]
        lines.append(
            f"| {row['label']} | {row['exact_match_mean']:.2%} of {row['seeds']} "
            f"| {row['exact_match_min']:.2%} .. {row['exact_match_max']:.2%} | "
            + (f"{min(wrong):,} .. {max(wrong):,} of {graded[0]['problems']:,}" if wrong else "-")
            + f" | {row['parameters']:,} | {row['active_parameters']:,} "
            f"| {row['training_flops']:.2e} |"
        )
    return "\n".join(lines) + "\n"


def compare(rev: str, out_dir: Path, root: Path) -> str:
    """Write comparison.json, .csv (a row for each run) and .md to out_dir, and tables into pages.

    Args:
        rev: the commit that the experiments started from.
        out_dir: for the three files.
        root: of the repository; README.md gets the summary, docs/comparing.md all tables.

    Returns:
        All tables.

    Raises:
        UserError: if no experiment has finished, or they were trained on different data.
    """
    found = load_experiments(rev)
    for name, state in found.left_out:
        print(f"left out: {name}, {state.lower()}", file=sys.stderr)
    groups = group(found.finished)
    content = to_json(groups)
    tables = markdown(content)
    pages = {root / "README.md": summary(content), root / "docs" / "comparing.md": tables}
    texts = {path: insert(path.read_text(encoding="utf-8"), t, BEGIN) for path, t in pages.items()}
    with open_replacing(out_dir / "comparison.json") as file:
        file.write(json.dumps(content, indent=2) + "\n")
    with open_replacing(out_dir / "comparison.csv") as file:
        pd.DataFrame(content["runs"]).to_csv(file, index=False, lineterminator="\n")
    with open_replacing(out_dir / "comparison.md") as file:
        file.write(tables)
    for path, text in texts.items():
        with open_replacing(path) as file:
            file.write(text)
    return tables


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser(
        "src.compare",
        "Compare the finished experiments; write metrics/, README.md and docs/comparing.md.",
    )
    parser.add_argument("--rev", help="the commit that they started from (HEAD)")
    given = vars(parser.parse_args(argv))
    print(compare(given.get("rev", "HEAD"), METRICS_DIR, ROOT))


if __name__ == "__main__":
    run(main)
