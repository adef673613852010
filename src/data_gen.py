"""Stage generate: draw arithmetic problems and write train.jsonl, val.jsonl and test.jsonl.

    python -m src.data_gen [--out_dir data/addition --n_samples 70000 --ops + ...]

Problems stream to the files some thousand at a time. metrics/data.json counts the problems of each
split, and those that two splits share.

Without flags, all is as `data:` in params.yaml says. Operators apply from left to right unless
`precedence: standard`: a running total needs no look-ahead, so each operator is one more step of
the same kind, and ``2+3*4=`` is 20.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path

from .bars import track
from .cli import Parser, run
from .config import DataConfig
from .errors import UserError
from .files import DATA_DIR, METRICS_DIR, open_replacing, replacing
from .lines import to_lines
from .params import PARAMS_FILE, load_params
from .records import SPLITS, Record, to_line
from .rejection import Rejection
from .source import CHOOSING, chunks, source_of
from .strata import Strata


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
    if not workers or isinstance(source, Rejection):
        for split, problems in chunks(config, source):
            yield split, len(problems), to_lines(problems)
        return
    # A tenth of a second to import.
    from .shards import lines_of

    parts = [(split, *part) for split in CHOOSING for part in source.parts(split)]
    for (split, start, stop), text in zip(parts, lines_of(source, parts, workers), strict=True):
        yield split, stop - start, text


def generate(config: DataConfig) -> dict[str, list[Record]]:
    """The records of each split, all in memory."""
    records: dict[str, list[Record]] = {split: [] for split in SPLITS}
    for split, problems in chunks(config, source_of(config)):
        records[split] += map(Record, problems.prompts(), map(str, problems.answers.tolist()))
    return records


def check_space(config: DataConfig, folder: Path) -> None:
    """Refuse to fill a disk for hours with what cannot fit.

    Raises:
        UserError: with how much is needed and how much is free.
    """
    shortest = Record("+".join("0" * config.N) + "=", "0")
    needed = config.n_samples * len(to_line(shortest))
    existing = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise UserError(
            f"data.n_samples = {config.n_samples}: their lines take {needed / 1e9:,.1f} GB and "
            f"more, and {existing} has {free / 1e9:,.1f} GB free"
        )


def write(
    config: DataConfig, folder: Path, progress: bool = False, workers: int = 0
) -> tuple[dict[str, int], str]:
    """Write train.jsonl, val.jsonl and test.jsonl, in the memory of a few thousand problems.

    All three appear, or none.

    Args:
        progress: show a bar, where there is a terminal.
        workers: see `texts`; the bytes are the same with any number.

    Returns:
        What data.json holds: `n_<split>`, its problems; `identical_<a>_<b>`, problems of a that
        are in b too, always 0; `swapped_<a>_<b>`, problems of a that are in b with their operands
        in another order. Who knows that addition commutes could answer those from memory.
        And the first training problem.

    Raises:
        UserError: for more problems than exist, or than the disk has room for.
    """
    check_space(config, folder)
    source = source_of(config)
    counts = {f"n_{split}": 0 for split in SPLITS}
    first = ""
    with ExitStack() as stack:
        files = {}
        for split in SPLITS:
            temporary = stack.enter_context(replacing(folder / f"{split}.jsonl"))
            files[split] = stack.enter_context(temporary.open("wb"))
        parts = texts(config, source, workers)
        n = config.n_samples
        for split, count, text in track(parts, "problems", n, progress, lambda part: part[1]):
            files[split].write(text)
            counts[f"n_{split}"] += count
            if split == "train" and not first:
                record = json.loads(text[: text.index(b"\n")])
                first = record["prompt"] + record["target"]
        for b, a in combinations(SPLITS, 2):
            counts[f"identical_{a}_{b}"], counts[f"swapped_{a}_{b}"] = source.shared(a, b)
    return counts, first


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser(
        "data_gen",
        "Write arithmetic problems as train, val and test .jsonl. What no flag says is as in the "
        "data section of the configuration.",
    )
    parser.add_argument("--config", type=Path, help="configuration (params.yaml)")
    parser.add_argument("--out_dir", type=Path, help=f"folder for the splits ({DATA_DIR})")
    parser.add_argument("--n_samples", type=int, help="problems in all splits together")
    parser.add_argument("--N", type=int, help="operands of a problem")
    parser.add_argument("--A", type=int, help="smallest operand")
    parser.add_argument("--B", type=int, help="largest operand")
    parser.add_argument("--ops", nargs="+", metavar="OP", help="any of + - * /")
    parser.add_argument("--seed", type=int, help="seed of the random draws")
    given = vars(parser.parse_args(argv))
    config, out_dir = given.pop("config", PARAMS_FILE), given.pop("out_dir", DATA_DIR)
    if "ops" in given:
        given["ops"] = "".join(given["ops"])
    overrides = {f"data.{key}": value for key, value in given.items()}
    params = load_params(config, overrides)
    runtime = params.runtime
    counts, first = write(params.data, out_dir, runtime.progress, runtime.num_workers)
    with open_replacing(METRICS_DIR / "data.json") as file:
        file.write(json.dumps(counts, indent=2) + "\n")
    sizes = ", ".join(f"{counts[f'n_{split}']:,} {split}" for split in SPLITS)
    print(f"{out_dir}: {sizes} problems, such as {first}")
    print(
        f"in train too: {counts['identical_test_train']} of test, "
        f"with operands swapped {counts['swapped_test_train']:,}"
    )


if __name__ == "__main__":
    run(main)
