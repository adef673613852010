"""Write one HTML page with every figure of the finished experiments; it opens without a network.

python -m src.report [--rev HEAD] [--out report.html]
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..common.files import open_replacing
from ..terminal.cli import Parser, run

if TYPE_CHECKING:
    from ..compare.experiments import Experiments
    from ..compare.figures import Groups
    from .page import Section

PAGE = Path("report.html")


def report(rev: str, out: Path) -> None:
    """Write the page of the experiments that started from a commit.

    Args:
        rev: the commit.
        out: the file to write.

    Raises:
        UserError: if no experiment has finished, or they were trained on different data.
    """
    # DVC and pandas take a second to import, also for --help.
    from ..compare.experiments import load_experiments

    html = page(load_experiments(rev))
    with open_replacing(out) as file:
        file.write(html)


def page(experiments: Experiments) -> str:
    """The page's HTML; the same experiments give the same bytes.

    Raises:
        UserError: if they were trained on different data.
    """
    from ..compare.experiments import group
    from .answer import defaults
    from .page import render
    from .pooling import ReadOnce

    note = ""
    if experiments.left_out:
        states = ", ".join(f"{name} ({state})" for name, state in experiments.left_out)
        note = f" Left out, as they have not finished: {states}."
    groups = dict(sorted(group([ReadOnce.of(run) for run in experiments.finished]).items()))
    return render(f"Arithmetic learned by {', '.join(defaults(groups))}", sections(groups, note))


def sections(groups: Groups, note: str) -> list[Section]:
    """All that is said of runs on the same data, the answer first.

    Args:
        note: stands behind what is said of the data.
    """
    from .answer import answer
    from .experts import experts
    from .mistakes import breakdowns, exhaustive, kinds, listing, wrong_answers
    from .overview import described, parameters, training

    wrong = wrong_answers(groups)
    return [
        answer(groups, described(groups) + note),
        kinds(groups, wrong),
        breakdowns(groups),
        exhaustive(groups, wrong),
        training(groups),
        experts(groups),
        listing(groups, wrong),
        parameters(groups),
    ]


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser(
        "src.report",
        "Write one HTML page with every figure of the finished experiments.",
    )
    parser.add_argument("--rev", help="commit that the experiments started from (HEAD)")
    parser.add_argument("--out", type=Path, help=f"the page ({PAGE})")
    given = vars(parser.parse_args(argv))
    out = given.get("out", PAGE)
    report(given.get("rev", "HEAD"), out)
    print(out)


if __name__ == "__main__":
    run(main)
