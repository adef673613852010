"""Stage train: fit the chosen architecture; models/ is written last, when training is complete.

python -m src.train [--config params.yaml] [--data_dir data/arithmetic] [--logger none]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from .cli import Parser, run
from .config import Params
from .description import read_description
from .files import (
    DATA_DIR,
    METRICS_DIR,
    MODELS_DIR,
    RUNS_DIR,
    check_writable,
    open_replacing,
)
from .params import PARAMS_FILE, load_params
from .reading import read_splits
from .records import Record
from .runs import clear, locked, run_name

if TYPE_CHECKING:
    from .fitting import Fit


def train(
    params: Params, data_dir: Path, models_dir: Path, metrics_dir: Path, runs_dir: Path
) -> dict[str, Any]:
    """Train `params.model` and write its checkpoints, samples and metrics.

    Args:
        data_dir: what the generate stage wrote.
        models_dir: gets best.ckpt, last.ckpt, config.yaml and samples.txt.
        metrics_dir: gets train.json, train.csv and val.csv.
        runs_dir: gets logs, and the state of a running training; one that was interrupted goes
            on from there and ends with the same bytes.

    Returns:
        What train.json holds. Of several processes, the others than the first write nothing, and
        end here.

    Raises:
        UserError: for data or settings that cannot be trained on, when training diverges, and
            when another process is lost.
    """
    # Lightning takes seconds to import: only once the settings are known to be right.
    from .dataset import ArithmeticDataset, check_length
    from .distributed import this_process, together
    from .fitting import fit
    from .start import load_start

    process = this_process(params.runtime)
    if process.is_first:
        for folder in (models_dir, metrics_dir, runs_dir):
            check_writable(folder)
    start = load_start(params, [models_dir / "best.ckpt", models_dir / "last.ckpt"])
    splits = read_splits(data_dir)
    datasets = {split: ArithmeticDataset(records) for split, records in splits.items()}
    for split, dataset in datasets.items():
        max_seq_len = params.model_config_in_use.max_seq_len
        check_length(dataset, max_seq_len, data_dir / f"{split}.jsonl")
    story = {"data": read_description(data_dir), "init_from": start and start.story}
    run_dir = runs_dir / run_name(params, splits, start and start.sha256)
    with locked(run_dir) if process.is_first else nullcontext():
        with together(process):
            fitted = fit(params, datasets, run_dir, process, start and start.weights, story)
        if not process.is_first:
            sys.exit(0)
        write_metrics(fitted, metrics_dir)
        write_models(fitted, params, splits["val"], models_dir, story)
        # Complete: nothing is left to resume.
        clear(run_dir, keep=("lock", "tensorboard", "wandb"))
    return fitted.metrics()


def write_metrics(fitted: Fit, folder: Path) -> None:
    """train.json, train.csv and val.csv."""
    fitted.history.write(folder)
    with open_replacing(folder / "train.json") as file:
        file.write(json.dumps(fitted.metrics(), indent=2) + "\n")


def write_models(
    fitted: Fit, params: Params, val: Sequence[Record], folder: Path, story: Mapping[str, Any]
) -> None:
    """best.ckpt, last.ckpt, config.yaml, and what the best model says to the first of val."""
    from .checkpoint import load_model, save_checkpoint
    from .scoring import generate_answers

    save_checkpoint(folder / "last.ckpt", fitted.last_weights, params, fitted.last, story)
    save_checkpoint(folder / "best.ckpt", fitted.best_weights, params, fitted.best, story)
    with open_replacing(folder / "config.yaml") as file:
        file.write("# What this was trained with; python -m src.train --config reads it.\n")
        sections = {"model": params.model_config_in_use, "training": params.training}
        content = {name: section.model_dump() for name, section in sections.items()}
        yaml.safe_dump(content, file, sort_keys=False)
    best, _ = load_model(folder / "best.ckpt")
    shown = val[: params.training.n_samples]
    said = generate_answers(best, [record.prompt for record in shown])
    with open_replacing(folder / "samples.txt") as file:
        for record, answer in zip(shown, said, strict=True):
            verdict = "right" if answer == record.target else f"wrong, {record.target}"
            file.write(f"{record.prompt}{answer}  {verdict}\n")


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser("train", "Train the architecture that the configuration names.")
    parser.add_argument(
        "--config",
        type=Path,
        help="params.yaml's layout, or a file with model: and training: sections (params.yaml)",
    )
    parser.add_argument("--data_dir", type=Path, help=f"folder of the splits ({DATA_DIR})")
    parser.add_argument(
        "--init_from", metavar="CKPT", help="begin with its weights (training.init_from)"
    )
    parser.add_argument("--logger", help="wandb, tensorboard or none (runtime.logger)")
    given = vars(parser.parse_args(argv))
    keys = {"logger": "runtime.logger", "init_from": "training.init_from"}
    overrides = {key: given[flag] for flag, key in keys.items() if flag in given}
    params = load_params(given.get("config", PARAMS_FILE), overrides)
    data_dir = given.get("data_dir", DATA_DIR)
    metrics = train(params, data_dir, MODELS_DIR, METRICS_DIR, RUNS_DIR)
    print(
        f"{MODELS_DIR}: {params.model}, {metrics['steps']:,} steps, "
        f"val_loss {metrics['val_loss']:.4f}, val_exact_match {metrics['val_exact_match']:.4f}"
    )


if __name__ == "__main__":
    run(main)
