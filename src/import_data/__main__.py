"""Other people's problems as a data set: .txt, .csv, .tsv and .jsonl files, checked and split.

python -m src.import_data sums.csv --out_dir data/mine
python -m src.import_data theirs/train.csv theirs/test.csv --out_dir data/mine    # their splits
python -m src.import_data --split test=benchmark.jsonl --out_dir data/benchmark   # only to grade
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..common.errors import UserError
from ..common.files import (
    check_free,
    check_not_the_pipelines,
    check_writable,
    open_replacing,
    replacing_folder,
)
from ..common.folders import claimed
from ..data.description import DESCRIPTION, Convention, read_description, write_description
from ..data.formats import PLAIN
from ..data.problems import PRECEDENCES
from ..data.records import SPLITS, to_line, to_records
from ..params import load_params
from ..terminal.cli import Parser, run, to_path
from ..terminal.counted import counted
from ..terminal.say import say
from .gathering import Report, Table, choose_precedence, drop_duplicates
from .tables import UNNAMED, Columns

# A problem that is in several splits stays in the first of these: a test set stays whole.
PRIORITY = ("test", "val", "train")
# Other names of the splits.
_SYNONYMS = {"valid": "val", "validation": "val", "dev": "val", "eval": "val"}
_CHUNK = 2**13
_OUTPUTS = (*(f"{split}.jsonl" for split in SPLITS), DESCRIPTION)


def by_split(files: Sequence[Path], named: Sequence[str]) -> list[tuple[str, Path]]:
    """Which split each file belongs to.

    >>> by_split([Path("sums.csv")], ["test=bench.csv"])
    [('test', PosixPath('bench.csv')), ('train', PosixPath('sums.csv'))]
    >>> by_split([Path("a/train.txt"), Path("a/Test.txt")], [])
    [('test', PosixPath('a/Test.txt')), ('train', PosixPath('a/train.txt'))]

    Args:
        files: named as the splits, all or none of them; where none is, they are training data.
        named: ``split=file`` for files of any name.

    Returns:
        In the order of `PRIORITY`.

    Raises:
        UserError: for a split that does not exist, or files of which only some are named so.
    """
    found = []
    for text in named:
        split, equals, file = text.partition("=")
        if split not in SPLITS or not (equals and file):
            raise UserError(f"--split {text}: must be SPLIT=FILE, SPLIT one of {', '.join(SPLITS)}")
        found.append((split, Path(file)))
    stems = [_SYNONYMS.get(path.stem.lower(), path.stem.lower()) for path in files]
    known = [stem in SPLITS for stem in stems]
    if any(known) and not all(known):
        other = files[known.index(False)]
        raise UserError(f"{other}: its name is no split's, as others' are; --split train={other}?")
    found += [
        (stem if all(known) else "train", path) for stem, path in zip(stems, files, strict=True)
    ]
    if not found:
        raise UserError("name a file, or several")
    return sorted(found, key=lambda pair: PRIORITY.index(pair[0]))


def cut(
    splits: NDArray[np.int8], keep: NDArray[np.bool_], fractions: dict[str, float], seed: int
) -> None:
    """Give val and test a share of the training rows, at random, where they have no file.

    Raises:
        UserError: if a split would be empty.
    """
    train = np.flatnonzero(keep & (splits == SPLITS.index("train")))
    order = np.random.default_rng(seed).permutation(len(train))
    start = 0
    for split, fraction in fractions.items():
        n = round(fraction * len(train))
        if n < 1:
            raise UserError(
                f"--{split}_fraction {fraction}: leaves {split} empty, with "
                f"{counted(len(train), 'problem')} in all"
            )
        splits[train[order[start : start + n]]] = SPLITS.index(split)
        start += n
    if start >= len(train):
        raise UserError(f"--test_fraction: leaves no training problems of {len(train)}")


def write(table: Table, rows: dict[str, NDArray[np.intp]], precedence: str, out_dir: Path) -> None:
    """Write the splits and their description; all appear together."""
    with replacing_folder(out_dir) as folder:
        for split, of_split in rows.items():
            with open_replacing(folder / f"{split}.jsonl") as file:
                for start in range(0, len(of_split), _CHUNK):
                    chunk = table.tokens[of_split[start : start + _CHUNK]]
                    file.writelines(map(to_line, to_records(chunk)))
        write_description(folder, Convention(PLAIN, precedence))


def import_data(
    sources: Sequence[tuple[str, Path]],
    out_dir: Path,
    fractions: dict[str, float],
    seed: int,
    named: Columns = UNNAMED,
    precedence: str | None = None,
    drop: bool = False,
    overwrite: bool = False,
) -> dict[str, int]:
    """Read, check, split and write, or write nothing.

    Args:
        sources: split and path of each file, see `by_split`.
        fractions: of the training rows, for val and test where there is no file of them.
        seed: of the choice which rows that are.
        named: columns whose names do not say what they hold.
        precedence: one of `PRECEDENCES`; None: one under which all rows are right.
        drop: leave out repeated problems instead of refusing them.
        overwrite: replace what this command wrote there before.

    Returns:
        How many problems each split has.

    Raises:
        UserError: for what a person can mend, with the file.
    """
    check_not_the_pipelines(out_dir)
    check_free(out_dir, overwrite, _OUTPUTS)
    if overwrite and out_dir.exists():
        told = read_description(out_dir)
        if any(out_dir.iterdir()) and (told is None or told["data"] is not None):
            raise UserError(f"{out_dir}: holds splits that this command did not write; left alone")
    check_writable(out_dir.parent)
    report = Report()
    table = Table(sources, named, report)
    if not len(table):
        raise UserError(
            f"{sources[0][1]}: holds no problems with right answers; left out: {report}; "
            "--problem and --answer say which columns to take"
        )
    precedence, keep = choose_precedence(table, report, precedence)
    drop_duplicates(table, keep, report, drop)
    splits = table.splits()
    given = {split for split, _ in sources}
    if "train" in given:
        cut(splits, keep, {s: f for s, f in fractions.items() if s not in given}, seed)
    rows = {split: np.flatnonzero(keep & (splits == i)) for i, split in enumerate(SPLITS)}
    for split in given:
        if not len(rows[split]):
            raise UserError(f"no problems are left for {split}; left out: {report}")
    rows = {split: of_split for split, of_split in rows.items() if len(of_split)}
    write(table, rows, precedence, out_dir)
    counts = {split: len(of_split) for split, of_split in rows.items()}
    *others, last = counts
    sizes = [f"{counts[split]:,} {split}" for split in others]
    sizes.append(counted(counts[last], f"{last} problem"))
    first = table.record(int(next(iter(rows.values()))[0]))
    example = f"{first.prompt}{first.target}"
    say(f"{out_dir}: {', '.join(sizes)}, such as {example}; left out: {report}")
    return counts


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser(
        "src.import_data",
        "Write other people's problems as a data set of this program.",
    )
    add = parser.add_argument
    add("files", type=to_path, nargs="*", metavar="FILE", help=".txt, .csv, .tsv or .jsonl")
    add("--out_dir", type=to_path, required=True, help="new folder for the splits")
    add("--split", action="append", metavar="SPLIT=FILE", help="a file that is train, val or test")
    add("--problem", nargs="+", metavar="COLUMN", help="columns of the problem, such as a + b")
    add("--answer", metavar="COLUMN", help="column of the answer")
    add("--precedence", choices=PRECEDENCES, help="of the answers (what all rows agree with)")
    add("--drop_duplicates", action="store_true", help="leave out problems that occurred before")
    for split in ("val", "test"):
        add(f"--{split}_fraction", type=float, help=f"share for {split} (as in params.yaml)")
    add("--seed", type=int, help="of the choice of val and test (as in params.yaml)")
    add("--overwrite", action="store_true", help="replace what this command wrote there before")
    given = vars(parser.parse_args(argv))
    names = ("val_fraction", "test_fraction", "seed")
    data = load_params(overrides={f"data.{k}": given[k] for k in names if k in given}).data
    with claimed(given["out_dir"]):
        import_data(
            by_split(given.get("files", []), given.get("split", [])),
            given["out_dir"],
            {"val": data.val_fraction, "test": data.test_fraction},
            data.seed,
            Columns(tuple(given.get("problem", ())), given.get("answer")),
            given.get("precedence"),
            "drop_duplicates" in given,
            "overwrite" in given,
        )


if __name__ == "__main__":
    run(main)
