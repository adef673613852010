"""Stage generate: draw arithmetic problems and write train.jsonl, val.jsonl and test.jsonl.

    python -m src.data_gen [--out_dir data/addition --n_samples 70000 --ops + ...]

metrics/data.json counts the problems of each split, and those that two splits share.

Without flags, all is as `data:` in params.yaml says. Operators apply from left to right unless
`precedence: standard`: a running total needs no look-ahead, so each operator is one more step of
the same kind, and ``2+3*4=`` is 20.
"""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np

from .cli import Parser, run
from .config import DataConfig
from .errors import UserError
from .files import DATA_DIR, METRICS_DIR, open_replacing
from .params import PARAMS_FILE, load_params
from .problems import Problems
from .records import SPLITS, Record, write_records
from .sampling import ProblemSampler, ProblemSpace


def draw(config: DataConfig) -> dict[str, Problems]:
    """The problems of each split; none occurs twice, within or across them.

    Test comes first, then val, each uniform by value, then train with `length_balance`. Each has
    its own random stream, so that train can change while the others stay.

    Raises:
        UserError: if fewer problems exist than asked for, with their number.
    """
    space = space_of(config)
    size = space.size()
    if size is not None and size < config.n_samples:
        raise UserError(
            f"data.n_samples = {config.n_samples}: only {size} different problems exist"
        )
    sampler = ProblemSampler(space)
    splits = {}
    for stream, split in enumerate(("test", "val", "train")):
        rng = np.random.default_rng([config.seed, stream])
        balance = config.length_balance if split == "train" else 0.0
        try:
            problems = sampler.draw(config.split_sizes[split], rng, balance)
        except ValueError as error:
            raise UserError(f"data.n_samples = {config.n_samples}: {error}") from None
        if config.split_by == "unordered":
            sampler.close(problems)
        splits[split] = problems
    return {split: splits[split] for split in SPLITS}


def space_of(config: DataConfig) -> ProblemSpace:
    """All problems that `data:` describes."""
    return ProblemSpace(config.N, config.A, config.B, config.ops, config.precedence)


def generate(config: DataConfig) -> dict[str, list[Record]]:
    """The records of each split, see `draw`."""
    return {split: to_records(problems) for split, problems in draw(config).items()}


def to_records(problems: Problems) -> list[Record]:
    """Each problem as it is written."""
    return list(map(Record, problems.prompts(), map(str, problems.answers.tolist())))


def leakage(config: DataConfig, splits: dict[str, Problems]) -> dict[str, int]:
    """What data.json holds.

    Returns:
        `n_<split>`, its problems; `identical_<a>_<b>`, problems of a that are in b too, always 0;
        `swapped_<a>_<b>`, problems of a that are in b with their operands in another order. Who
        knows that addition commutes could answer those from memory.
    """
    space = space_of(config)
    counts = {f"n_{split}": len(problems) for split, problems in splits.items()}
    ordered = {split: space.keys(problems) for split, problems in splits.items()}
    unordered = {split: space.keys(problems, True) for split, problems in splits.items()}
    for b, a in combinations(SPLITS, 2):
        same = np.isin(ordered[a], ordered[b])
        alike = np.isin(unordered[a], unordered[b])
        counts[f"identical_{a}_{b}"] = int(same.sum())
        counts[f"swapped_{a}_{b}"] = int((alike & ~same).sum())
    return counts


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
    data = load_params(config, overrides).data
    splits = draw(data)
    for split, problems in splits.items():
        write_records(out_dir / f"{split}.jsonl", to_records(problems))
    shared = leakage(data, splits)
    with open_replacing(METRICS_DIR / "data.json") as file:
        file.write(json.dumps(shared, indent=2) + "\n")
    counts = ", ".join(f"{len(problems):,} {split}" for split, problems in splits.items())
    (first,) = to_records(splits["train"][:1])
    print(f"{out_dir}: {counts} problems, such as {first.prompt}{first.target}")
    print(
        f"in train too: {shared['identical_test_train']} of test, "
        f"with operands swapped {shared['swapped_test_train']:,}"
    )


if __name__ == "__main__":
    run(main)
