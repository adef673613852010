"""Answer a question: run what is missing of a study, here or on a Ray cluster, and write its page.

    python -m src.study studies/NAME.yaml [--dry | --page] [--quick]

Each finished run is a row of studies/NAME.csv, and is not run again, on no machine that has the
file. docs/studies/NAME.md says what the rows answer.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ..common.files import RUNS_DIR
from ..terminal.cli import Parser, at_least, run, to_name, to_path
from ..terminal.say import note, say

PAGES = Path("docs", "studies")


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser("src.study", "Run what a study lacks, and write the page that answers it.")
    parser.add_argument("file", type=to_path, metavar="studies/NAME.yaml", help="the study")
    parser.add_argument("--dry", action="store_true", help="list the runs, and run none")
    parser.add_argument("--page", action="store_true", help="write the page, and run none")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="the small version, for minutes; its rows and its page go to runs/studies",
    )
    parser.add_argument("--jobs", type=at_least(1, int), help="runs at a time on this machine (2)")
    parser.add_argument("--cpus-per-run", type=at_least(1, int), help="threads of each run (1)")
    parser.add_argument(
        "--keep", action="store_true", help="keep the runs as DVC experiments as well"
    )
    parser.add_argument("--address", type=to_name, help="HOST:PORT of a Ray cluster to run them on")
    parser.add_argument("--git-remote", type=to_name, help="with --address: where they start from")
    parser.add_argument("--runs-dir", type=to_path, help="with --address: a folder that all share")
    given = vars(parser.parse_args(argv))
    if "jobs" in given and "address" in given:
        parser.error("--jobs runs here, without a cluster: --address is of no use")
    for flag in ("git_remote", "runs_dir"):
        if flag in given and "address" not in given:
            parser.error(f"--{flag.replace('_', '-')} needs --address, that of a cluster")
    study(given)


def study(given: dict[str, Any]) -> None:
    """Run the study that the flags name.

    Raises:
        UserError: for a wrong file.
    """
    # pandas and DVC take a second to import, also for --help.
    from ..compare.commits import read
    from ..sweep.local import log_path
    from ..sweep.repository import head
    from .cells import cells
    from .file import load
    from .index import write_index
    from .publish import publish
    from .rows import read_rows
    from .running import Harvest, announce, missing, run_missing

    path = given["file"]
    name, asked = load(path)
    csv, pages = path.with_suffix(".csv"), PAGES
    if given.get("quick"):
        asked = asked.small()
        pages = RUNS_DIR / "studies" / f"{name}-quick"
        csv = pages / f"{name}.csv"
    jobs = given.get("jobs", 2)
    text = read(head(), "params.yaml")
    every = cells(name, asked, text)
    rows = read_rows(csv)
    todo = missing(every, rows)
    announce(every, rows, csv, jobs)
    if given.get("dry"):
        for cell in every:
            say(f"{'missing' if cell in todo else 'there'}  {cell.run.name}")
        return
    failures: list[str] = []
    harvest = Harvest(every, csv)
    if not given.get("keep"):
        harvest.drop()
    if todo and not given.get("page"):
        cluster = None
        if "address" in given:
            runs_dir = given.get("runs_dir")
            where = runs_dir and runs_dir.expanduser().resolve()
            cluster = given["address"], given.get("git_remote", "origin"), where
        cpus = given.get("cpus_per_run", 1)
        try:
            failures = run_missing(todo, harvest, jobs, cpus, cluster)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("stopped; the same command goes on from here") from None
        if not given.get("keep"):
            harvest.drop()
    say(f"page: {publish(name, asked, path, every, read_rows(csv), pages)}")
    if pages == PAGES:
        write_index(Path(), text)
    if failures:
        note(f"{len(failures)} failed; the same command runs them again:")
        for each in failures:
            note(f"  {each}: {log_path(each)}")
        sys.exit(1)


if __name__ == "__main__":
    run(main)
