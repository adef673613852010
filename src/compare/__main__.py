"""Compare finished experiments, like with like: tables of runs, architectures, tested differences.

    python -m src.compare [--rev COMMIT ...] [--with FOLDER ...]
    python -m src.compare --publish    # and write metrics/comparison.*, README.md and docs/

Reads the experiments of the nearest commit that has some, or of those that --rev names. Every run
is in a table, or named below with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..common.csv_cells import write_csv
from ..common.errors import UserError
from ..common.files import METRICS_DIR, ROOT, RUNS_DIR, open_replacing
from ..common.folders import filling
from ..common.marked_section import insert
from ..terminal.cli import Parser, run
from ..terminal.say import say
from .comparison import load
from .flags import add_selection_flags
from .tables import markdown, summary, to_json

BEGIN = "<!-- comparison: written by python -m src.compare -->"
# DVC and git leave this folder alone: `dvc exp apply` discards changes of what git tracks.
TABLES = RUNS_DIR / "comparison"


def write(content: dict[str, Any], out_dir: Path) -> None:
    """comparison.json, comparison.csv (a row for each run) and comparison.md, all or none.

    Args:
        content: what `to_json` returns.
    """
    with filling(out_dir / "comparison.md") as (new,):
        with open_replacing(new / "comparison.json") as file:
            file.write(json.dumps(content, indent=2) + "\n")
        with open_replacing(new / "comparison.csv") as file:
            write_csv(pd.DataFrame(content["runs"]), file)
        with open_replacing(new / "comparison.md") as file:
            file.write(markdown(content))


def publish(content: dict[str, Any], metrics_dir: Path, root: Path) -> None:
    """Write the tables to where git tracks them, and into README.md and docs/comparing.md.

    Args:
        content: what `to_json` returns.
        metrics_dir: for the three files.
        root: the repository.

    Raises:
        UserError: if there is not exactly one data set, or a page has no place for the table.
    """
    if len(content["data"]) != 1:
        labels = ", ".join(each["label"] for each in content["data"])
        raise UserError(f"--publish takes runs on one data set; here are {labels}")
    pages = {
        root / "README.md": summary(content),
        root / "docs" / "comparing.md": markdown(content),
    }
    texts = {path: insert(path.read_text(encoding="utf-8"), t, BEGIN) for path, t in pages.items()}
    write(content, metrics_dir)
    for path, text in texts.items():
        with open_replacing(path) as file:
            file.write(text)


def compare(revs: Sequence[str], folders: Sequence[Path], published: bool) -> None:
    """Print the tables and write them.

    Args:
        revs, folders: see `comparison.load`.
        published: whether to write them to where git tracks them, too.

    Raises:
        UserError: if no experiment has finished, or what is asked for is not there.
    """
    content = to_json(load(revs, folders))
    write(content, TABLES)
    for line in markdown(content).splitlines():
        say(line)
    say(f"tables: {TABLES}")
    if published:
        publish(content, METRICS_DIR, ROOT)
        say("published: metrics/comparison.*, README.md, docs/comparing.md; commit them before")
        say("dvc exp apply, which discards uncommitted changes")


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser("src.compare", "Compare finished experiments, like with like.")
    add_selection_flags(parser)
    parser.add_argument(
        "--publish",
        action="store_true",
        help="write the tables to metrics/, README.md and docs/comparing.md as well",
    )
    given = vars(parser.parse_args(argv))
    compare(given.get("rev", ()), given.get("with", ()), given.get("publish", False))


if __name__ == "__main__":
    run(main)
