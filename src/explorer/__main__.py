"""Write one HTML page on which trained models answer live; it opens without a network.

python -m src.explorer [--ckpt A --ckpt B ...] [--rev COMMIT ...] [--out explorer.html]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..common.files import CHECKPOINT, check_written, open_replacing
from ..terminal.cli import Parser, run, to_path
from ..terminal.say import note, say

PAGE = Path("explorer.html")


def explore(paths: Sequence[Path], revs: Sequence[str], out: Path) -> None:
    """Write the page of some models.

    Args:
        paths, revs: see `runs.runs_of`.
        out: the file to write.

    Raises:
        UserError: if there is no such model, or one that the page cannot carry, and where
            something else than such a page would be lost.
    """
    # torch and DVC take seconds to import, also for --help.
    from .packing import pack
    from .page import TITLE, page
    from .runs import runs_of

    check_written(out, f"<title>{TITLE}".encode())
    runs, left_out = runs_of(paths, revs)
    for line in left_out:
        note(line)
    html = page([pack(each, f"weights-{i}") for i, each in enumerate(runs)])
    with open_replacing(out) as file:
        file.write(html)
    shown = ", ".join(each.name for each in runs)
    say(f"{out}  {len(html.encode()) / 1e6:.1f} MB  {shown}")


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser("src.explorer", "Write one HTML page on which trained models answer live.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--ckpt",
        type=to_path,
        action="append",
        help="a checkpoint, or folder of some; repeated for several models (one finished "
        f"experiment of each architecture, or else {CHECKPOINT})",
    )
    which.add_argument(
        "--rev",
        nargs="+",
        metavar="COMMIT",
        help="the commits that the experiments started from (the nearest one with experiments)",
    )
    parser.add_argument("--out", type=to_path, help=f"the page ({PAGE})")
    given = vars(parser.parse_args(argv))
    explore(given.get("ckpt", ()), given.get("rev", ()), given.get("out", PAGE))


if __name__ == "__main__":
    run(main)
