"""The flags by which a command is told what to compare."""

from __future__ import annotations

from ..terminal.cli import Parser, to_path


def add_selection_flags(parser: Parser) -> None:
    """Give a command --rev and --with, whose values `comparison.load` takes."""
    parser.add_argument(
        "--rev",
        nargs="+",
        metavar="COMMIT",
        help="the commits that they started from (the nearest one with experiments)",
    )
    parser.add_argument(
        "--with",
        nargs="+",
        type=to_path,
        metavar="FOLDER",
        help="evaluations by hand, on the same test problems: --out_dir of python -m src.eval",
    )
