"""Stage generate: draw arithmetic problems and write train.jsonl, val.jsonl and test.jsonl.

    python -m src.data_gen [--out_dir data/addition --n_samples 70000 --ops + ...]

Without flags, all is as `data:` in params.yaml says. Operators apply from left to right unless
`precedence: standard`: a running total needs no look-ahead, so each operator is one more step of
the same kind, and ``2+3*4=`` is 20.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .cli import Parser, run
from .config import DataConfig
from .errors import UserError
from .files import DATA_DIR
from .params import PARAMS_FILE, load_params
from .records import SPLITS, Record, write_records
from .sampling import ProblemSampler, ProblemSpace


def generate(config: DataConfig) -> dict[str, list[Record]]:
    """The records of each split; no problem occurs twice, within or across them.

    Test comes first, then val, each uniform by value, then train with `length_balance`. Each has
    its own random stream, so that train can change while the others stay.

    Raises:
        UserError: if fewer problems exist than asked for, with their number.
    """
    space = ProblemSpace(config.N, config.A, config.B, config.ops, config.precedence)
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
        answers = map(str, problems.answers.tolist())
        splits[split] = list(map(Record, problems.prompts(), answers))
    return {split: splits[split] for split in SPLITS}


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
    splits = generate(load_params(config, overrides).data)
    for split, records in splits.items():
        write_records(out_dir / f"{split}.jsonl", records)
    counts = ", ".join(f"{len(records):,} {split}" for split, records in splits.items())
    first = splits["train"][0]
    print(f"{out_dir}: {counts} problems, such as {first.prompt}{first.target}")


if __name__ == "__main__":
    run(main)
