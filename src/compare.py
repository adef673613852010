"""Compare finished DVC experiments: one table, written to metrics/ and into the README.

    python -m src.compare

Reads the experiments of the current commit. Failed and unfinished ones are left out: DVC shows
them with the metrics of the commit that they started from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from .cli import Parser, run
from .errors import UserError
from .files import METRICS_DIR, open_replacing
from .params import PARAMS_FILE

README = PARAMS_FILE.parent / "README.md"
BEGIN, END = "<!-- comparison: written by python -m src.compare -->", "<!-- end -->"
DATA = "data/arithmetic"

COUNTS = ["wrong", "problems", "parameters", "active_parameters", "best_step", "steps"]
SHARES = ["exact_match", "exact_match_low", "exact_match_high"]


def finished(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The distinct finished runs among what ``dvc.api.exp_show`` returns.

    Raises:
        UserError: if there are none, or they were graded on different data.
    """
    # Where there is no figure, DVC leaves the column out, or says "None" in letters.
    ran = [row for row in rows if isinstance(row.get("exact_match"), float)]
    ran = [row for row in ran if row["State"] in (None, "Success")]
    if not ran:
        raise UserError("no finished experiment of this commit; make compare runs them")
    frame = pd.DataFrame(ran)
    # The same weights have the same results: a run that was repeated counts once.
    frame = frame.drop_duplicates("models")
    if frame[DATA].nunique() > 1:
        raise UserError(
            "the experiments were trained on different data; dvc exp remove those that differ"
        )
    # DVC reports every number as a float.
    frame = frame[["architecture", *SHARES, "loss", *COUNTS]].astype(dict.fromkeys(COUNTS, int))
    return frame.sort_values(["architecture", "exact_match"]).reset_index(drop=True)


def markdown(table: pd.DataFrame) -> str:
    """The table as the README shows it."""
    header = "| architecture | exact match (95 %) | wrong | loss | parameters | active | steps |"
    lines = [header, "|---|---|---|---|---|---|---|"]
    for row in table.itertuples(index=False):
        interval = f"{row.exact_match_low:.2%} .. {row.exact_match_high:.2%}"
        lines.append(
            f"| {row.architecture} | {row.exact_match:.2%} ({interval}) "
            f"| {row.wrong:,} of {row.problems:,} | {row.loss:.5f} "
            f"| {row.parameters:,} | {row.active_parameters:,} | {row.steps:,} |"
        )
    return "\n".join(lines) + "\n"


def insert(readme: str, table: str) -> str:
    """The README's text with the table between its marks.

    Raises:
        UserError: if a mark is missing.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise UserError(f"README.md: the marks {BEGIN} and {END} are missing")
    return f"{before}{BEGIN}\n{table}{END}{after}"


def compare(out_dir: Path, readme: Path) -> pd.DataFrame:
    """Write comparison.csv and comparison.md to out_dir and the table into the README."""
    # DVC takes a second to import.
    import dvc.api

    table = finished(dvc.api.exp_show())
    text = insert(readme.read_text(encoding="utf-8"), markdown(table))
    with open_replacing(out_dir / "comparison.csv") as file:
        table.to_csv(file, index=False, lineterminator="\n")
    with open_replacing(out_dir / "comparison.md") as file:
        file.write(markdown(table))
    with open_replacing(readme) as file:
        file.write(text)
    return table


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser("compare", "Compare the finished experiments; write metrics/ and README.md.")
    parser.parse_args(argv)
    print(markdown(compare(METRICS_DIR, README)))


if __name__ == "__main__":
    run(main)
