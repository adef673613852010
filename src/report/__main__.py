"""Write one HTML page with every figure of the finished experiments; it opens without a network.

python -m src.report [--rev COMMIT ...] [--with FOLDER ...] [--out report.html]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..common.files import METRICS_DIR, ROOT, check_written, open_replacing
from ..compare.flags import add_selection_flags
from ..terminal.cli import Parser, run, to_path
from ..terminal.say import say

if TYPE_CHECKING:
    from ..compare.comparison import Comparison
    from ..compare.grouping import DataSet
    from .page import Section

PAGE = Path("report.html")
_TITLE = "Arithmetic learned by"


def report(revs: Sequence[str], folders: Sequence[Path], out: Path) -> None:
    """Write the page of the experiments that started from some commits.

    Args:
        revs, folders: see `comparison.load`.
        out: the file to write.

    Raises:
        UserError: if no experiment has finished, or what is asked for is not there, and where
            something else than such a page would be lost.
    """
    # Before minutes of reading.
    check_written(out, f"<title>{_TITLE} ".encode())
    # DVC and pandas take a second to import, also for --help.
    from ..compare.comparison import load
    from .explain import explained
    from .studies import studies

    comparison = load(revs, folders)
    more = [*explained(METRICS_DIR / "explain", comparison), studies(ROOT, out)]
    html = page(comparison, [section for section in more if section])
    with open_replacing(out) as file:
        file.write(html)


def page(comparison: Comparison, more: Sequence[Section] = ()) -> str:
    """The page's HTML; the same experiments give the same bytes.

    Args:
        more: sections for its end.
    """
    from .answer import defaults
    from .page import render

    first, *others = comparison.data_sets
    answered, *rest = _sections(first)
    sections = [replace(answered, points=[*answered.points, *comparison.notes]), *rest]
    for data in others:
        sections += [
            replace(each, title=f"{each.title} ({data.label})") for each in _sections(data)
        ]
    return render(f"{_TITLE} {', '.join(defaults(first.groups))}", [*sections, *more])


def _sections(data: DataSet) -> list[Section]:
    from .answer import answer
    from .by_length import by_length
    from .experts import experts
    from .failures import breakdowns, exhaustive
    from .mistakes import kinds, listing
    from .overview import described, parameters, training
    from .wrong_answers import with_answers, wrong_answers

    groups = data.groups
    answered = with_answers(groups)
    sections = [answer(data, described(data)), breakdowns(groups), training(groups)]
    sections += [experts(groups), parameters(groups)]
    if lengths := by_length(groups):
        sections.insert(2, lengths)
    if answered:
        wrong = wrong_answers(answered)
        sections.insert(1, kinds(answered, wrong))
        sections.insert(3, exhaustive(answered, wrong))
        sections.insert(-1, listing(answered, wrong))
    return sections


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser(
        "src.report",
        "Write one HTML page with every figure of the finished experiments.",
    )
    add_selection_flags(parser)
    parser.add_argument("--out", type=to_path, help=f"the page ({PAGE})")
    given = vars(parser.parse_args(argv))
    out = given.get("out", PAGE)
    report(given.get("rev", ()), given.get("with", ()), out)
    say(str(out))


if __name__ == "__main__":
    run(main)
