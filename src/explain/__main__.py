"""Look into trained models: what they attend to, know and depend on when they add.

python -m src.explain [--ckpt A ...] [--rev COMMIT ...] [--seed 0] [--out_dir metrics/explain]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..common.files import CHECKPOINT, METRICS_DIR
from ..terminal.cli import Parser, at_least, run, to_path
from ..terminal.say import note, say

OUT_DIR = METRICS_DIR / "explain"


def explain(paths: Sequence[Path], revs: Sequence[str], seed: int, out_dir: Path) -> None:
    """Write the tables of some models.

    Args:
        paths, revs: see `subjects.subjects`.
        seed: see `explained`.
        out_dir: for the tables; those of an earlier call are replaced.

    Raises:
        UserError: if there is no such model, or one of other problems, and where something else
            than such tables would be lost.
    """
    from .tables import check_out_dir, joined, write

    check_out_dir(out_dir)
    # DVC and torch take seconds to import, also for --help.
    import torch

    from .explaining import explained
    from .subjects import opened, subjects
    from .summary import summary

    models, left_out = subjects(paths, revs)
    for line in left_out:
        note(line)
    # More would wait for each other in products this small, and round in another order.
    torch.set_num_threads(1)
    # All of them are opened before a minute's work on the first.
    found = []
    for subject in [opened(model) for model in models]:
        found.append(explained(subject, seed))
        for line in summary(found[-1]):
            say(line)
    write(out_dir, joined(found))
    say(f"tables: {out_dir}; python -m src.report draws those of finished experiments")


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser(
        "src.explain",
        "Look into trained models: what they attend to, know and depend on when they add.",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--ckpt",
        type=to_path,
        nargs="+",
        action="extend",
        help="checkpoints, or folders of some (of each architecture the finished experiment of the "
        f"lowest seed, or {CHECKPOINT} where none has finished)",
    )
    which.add_argument(
        "--rev",
        nargs="+",
        metavar="COMMIT",
        help="the commits that the experiments started from (the nearest one with experiments)",
    )
    parser.add_argument(
        "--seed",
        type=at_least(0, int),
        help="of the random sums (0); the same one gives the same bytes",
    )
    parser.add_argument("--out_dir", type=to_path, help=f"folder for the tables ({OUT_DIR})")
    given = vars(parser.parse_args(argv))
    out_dir = given.get("out_dir", OUT_DIR)
    explain(given.get("ckpt", ()), given.get("rev", ()), int(given.get("seed", 0)), out_dir)


if __name__ == "__main__":
    run(main)
