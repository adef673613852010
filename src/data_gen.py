"""Stage generate: draw arithmetic problems and write train.jsonl, val.jsonl and test.jsonl.

    python -m src.data_gen [--out_dir data/addition --n_samples 70000 --ops + ...]

Problems stream to the files some thousand at a time. data.json counts the problems of each split,
and those that two splits share; config.yaml says what the splits were drawn from.

Without flags, all is as `data:` in params.yaml says, and goes where the pipeline expects it; with
flags it goes to --out_dir. Operators apply from left to right unless
`precedence: standard`: a running total needs no look-ahead, so each operator is one more step of
the same kind, and ``2+3*4=`` is 20.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path

from .common.errors import UserError
from .common.files import DATA_DIR, METRICS_DIR, check_not_the_pipelines
from .common.folders import claimed, filling
from .config import DataConfig
from .data.description import DESCRIPTION, check_description, check_drawn, to_text
from .data.formats import FORMATS, format_of
from .data.lines import to_lines
from .data.problems import OPERATORS
from .data.records import SPLITS, Record, to_line, to_records
from .params import PARAMS_FILE, load_params
from .splits.rejection import Rejection
from .splits.source import DRAWING_ORDER, chunks, n_counted, source_of
from .splits.stratified import Strata
from .terminal.cli import Parser, run, to_path
from .terminal.progress_bar import track
from .terminal.say import say

# The numbers of problems in each split, and in two of them.
COUNTS = "data.json"


def texts(
    config: DataConfig, source: Strata | Rejection, workers: int
) -> Iterator[tuple[str, int, bytes]]:
    """Split, number of problems and lines of some thousand problems at a time.

    Args:
        workers: processes that compute rows from their numbers, beside this one. Problems that
            are drawn depend on those drawn before: this process alone draws them.

    Raises:
        UserError: see `chunks`.
    """
    written = format_of(config)
    if not workers or isinstance(source, Rejection):
        for split, problems in chunks(config, source):
            yield split, n_counted(config, split, problems), to_lines(*written.texts(problems))
        return
    # A tenth of a second to import.
    from .splits.writing import lines_of

    parts = [(split, *part) for split in DRAWING_ORDER for part in source.parts(split)]
    for (split, start, stop), text in zip(
        parts, lines_of(source, parts, written, workers), strict=True
    ):
        yield split, stop - start, text


def generate(config: DataConfig) -> dict[str, list[Record]]:
    """The records of each split, all in memory."""
    records: dict[str, list[Record]] = {split: [] for split in SPLITS}
    written = format_of(config)
    for split, problems in chunks(config, source_of(config)):
        records[split] += to_records(written.tokens(problems))
    return records


def check_space(config: DataConfig, folder: Path) -> None:
    """Refuse to fill a disk for hours with what cannot fit.

    Raises:
        UserError: with how much is needed and how much is free.
    """
    shortest = format_of(config).write([0] * config.N, "+" * (config.N - 1), 0)
    rows = config.n_samples
    if config.both_orders:
        # A problem of two equal operands has one order.
        rows += max(0, config.split_sizes["train"] - (config.B - config.A + 1) * len(config.ops))
    needed = rows * len(to_line(shortest))
    existing = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise UserError(
            f"data.n_samples = {config.n_samples}: their lines take {needed / 1e9:,.1f} GB and "
            f"more, and {existing} has {free / 1e9:,.1f} GB free"
        )


def write(
    config: DataConfig,
    folder: Path,
    progress: bool = False,
    workers: int = 0,
    counts_in: Path | None = None,
) -> tuple[dict[str, int], str]:
    """Write train.jsonl, val.jsonl and test.jsonl, in the memory of a few thousand problems.

    All three appear, or none, and with them config.yaml, see `description`, and data.json.

    Args:
        progress: show a bar, where there is a terminal.
        workers: see `texts`; the bytes are the same with any number.
        counts_in: the folder of data.json; None: that of the splits.

    Returns:
        What data.json holds: `n_<split>`, its problems; `identical_<a>_<b>`, problems of a that
        are in b too, always 0; `swapped_<a>_<b>`, problems of a that are in b with their operands
        in another order. Who knows that addition commutes could answer those from memory.
        And the first training problem.

    Raises:
        UserError: for more problems than exist, or than the disk has room for, where another
            config.yaml would be overwritten, and where another process writes.
    """
    check_space(config, folder)
    with claimed(folder):
        check_description(folder)
        source = source_of(config)
        names = [f"{split}.jsonl" for split in SPLITS]
        check_drawn(folder, names if counts_in else [*names, COUNTS])
        # Until config.yaml is there, it does not fit the splits, and counts as none.
        with filling((counts_in or folder) / COUNTS, folder / DESCRIPTION) as (beside, new):
            counts, first, digests = write_splits(config, source, new, progress, workers)
            (new / DESCRIPTION).write_text(to_text(config, digests), "utf-8", newline="\n")
            (beside / COUNTS).write_text(json.dumps(counts, indent=2) + "\n", "utf-8", newline="\n")
    return counts, first


def write_splits(
    config: DataConfig, source: Strata | Rejection, folder: Path, progress: bool, workers: int
) -> tuple[dict[str, int], str, dict[str, str]]:
    """Write the splits alone.

    Args: see `write`.

    Returns:
        What `write` returns, and the SHA-256 of each split's file.
    """
    counts = {f"n_{split}": 0 for split in SPLITS}
    first = ""
    digests = {split: hashlib.sha256() for split in SPLITS}
    with ExitStack() as stack:
        paths = {split: folder / f"{split}.jsonl" for split in SPLITS}
        files = {split: stack.enter_context(path.open("wb")) for split, path in paths.items()}
        parts = texts(config, source, workers)
        n = config.n_samples
        for split, count, text in track(parts, "problems", n, progress, lambda part: part[1]):
            files[split].write(text)
            digests[split].update(text)
            counts[f"n_{split}"] += count
            if split == "train" and not first:
                record = json.loads(text[: text.index(b"\n")])
                first = record["prompt"] + record["target"]
    for b, a in combinations(SPLITS, 2):
        counts[f"identical_{a}_{b}"], counts[f"swapped_{a}_{b}"] = source.shared(a, b)
    return counts, first, {split: digest.hexdigest() for split, digest in digests.items()}


def to_value(text: str) -> object:
    """The type of a flag whose value is written as in params.yaml: true, false or a list.

    >>> to_value("true"), to_value("[0.01, 0.09]")
    (True, [0.01, 0.09])

    Raises:
        ArgumentTypeError: for anything that is not JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ArgumentTypeError(f"{text!r} is not like true or [0.01,0.09]") from None


# What each key of `data:` is on the command line; ops has rules of its own.
FLAGS: dict[str, tuple[Callable[[str], object], str]] = {
    "n_samples": (int, "problems in all splits together"),
    "N": (int, "operands of a problem"),
    "A": (int, "smallest operand"),
    "B": (int, "largest operand"),
    "precedence": (str, "left_to_right: 2+3*4=20, or standard: 14"),
    "modulus": (int, "take each answer modulo this number, never negative; 0: as it is"),
    "format": (str, "how a problem is written: " + ", ".join(map(str, FORMATS.values()))),
    "val_fraction": (float, "share of the problems that validation gets"),
    "test_fraction": (float, "share of the problems that test gets"),
    "length_balance": (float, "share of training with operands' lengths drawn evenly"),
    "length_exponent": (float, "how those are drawn: 0 evenly, 1 as often as numbers have them"),
    "length_mix": (to_value, "[0.01,0.09]: shares with operands of up to 1, 2, .. digits"),
    "carry_mix": (float, "share of training built with a long chain of carries or borrows"),
    "split_by": (str, "problem, or unordered: 1+2= and 2+1= in the same split"),
    "both_orders": (to_value, "true: each training problem as a+b and b+a, counted once"),
    "seed": (int, "seed of the random draws"),
}
_FLAG = re.compile(r"-h|--[A-Za-z].*")


def join_ops(argv: Sequence[str]) -> list[str]:
    """The words behind --ops as one, so that a minus among them is no flag.

    >>> join_ops(["--ops", "-", "+", "--N", "3"]), join_ops(["--N", "3", "--ops", "-+"])
    (['--ops=-+', '--N', '3'], ['--N', '3', '--ops=-+'])

    Raises:
        UserError: for a file's name where an operator should be.
    """
    words: list[str] = []
    behind_ops = False
    for word in argv:
        if _FLAG.fullmatch(word):
            behind_ops = word.partition("=")[0] == "--ops"
        elif behind_ops:
            if set(word) - set(OPERATORS + " ") and Path(word).exists():
                raise UserError(
                    f"--ops {word}: a file's name, which the shell makes of * without quotes; "
                    "quote it: --ops '*'"
                )
            words[-1] += word if "=" in words[-1] else f"={word}"
            continue
        words.append(word)
    return words


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = Parser(
        "src.data_gen",
        "Write arithmetic problems as train, val and test .jsonl. What no flag says is as in the "
        "data section of the configuration. Without any flag this is the pipeline's stage "
        f"generate, which writes {DATA_DIR} and {METRICS_DIR / 'data.json'}.",
    )
    parser.add_argument("--config", type=to_path, help="configuration (params.yaml)")
    parser.add_argument("--out_dir", type=to_path, help="folder for splits, config.yaml, data.json")
    parser.add_argument("--ops", help="any of + - * /, such as '+-' or + -; quote what has a *")
    for key, (kind, text) in FLAGS.items():
        parser.add_argument(f"--{key}", type=kind, help=text)
    given = vars(parser.parse_args(join_ops(sys.argv[1:] if argv is None else argv)))
    by_hand, out_dir = bool(given), given.pop("out_dir", None)
    if not by_hand:
        out_dir = DATA_DIR
    elif out_dir is None:
        raise UserError(f"--out_dir must name a folder, as {DATA_DIR} is for a call without flags")
    else:
        check_not_the_pipelines(out_dir)
    config = given.pop("config", PARAMS_FILE)
    if "ops" in given:
        given["ops"] = given["ops"].replace(" ", "")
    params = load_params(config, {f"data.{key}": value for key, value in given.items()})
    runtime = params.runtime
    counts_in = None if by_hand else METRICS_DIR
    counts, first = write(params.data, out_dir, runtime.progress, runtime.num_workers, counts_in)
    sizes = ", ".join(f"{counts[f'n_{split}']:,} {split}" for split in SPLITS)
    example = first if len(first) <= 60 else f"{first[:60]}..."
    say(f"{out_dir}: {sizes} problems, such as {example}")
    say(
        f"in train too: {counts['identical_test_train']} of test, "
        f"with operands swapped {counts['swapped_test_train']:,}"
    )


if __name__ == "__main__":
    run(main)
