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
    from .experts import experts
    from .mistakes import breakdowns, exhaustive, wrong_answers
    from .overview import lead, parameters, training
    from .page import render
    from .results import results

    groups = group(experiments.finished)
    sections = [
        results(groups),
        training(groups),
        breakdowns(groups),
        exhaustive(groups),
        experts(groups),
        wrong_answers(groups),
        parameters(groups),
    ]
    title = f"Arithmetic learned by {', '.join(groups)}"
    return render(title, lead(experiments, groups), sections)


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
