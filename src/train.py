"""Stage train: fit the chosen architecture; its results are written when training is complete.

    python -m src.train --config configs/llama2.yaml --data_dir data/addition [--out_dir DIR]

Without flags it is the pipeline's stage, and writes to models/ and metrics/. With any, it is called
by hand, and writes to checkpoints/<the configuration's name>/.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from .common.errors import UserError
from .common.files import (
    CHECKPOINTS_DIR,
    DATA_DIR,
    METRICS_DIR,
    MODELS_DIR,
    RUNS_DIR,
    check_not_the_pipelines,
    check_writable,
)
from .common.folders import claimed, filling, inside
from .config import Params
from .data.description import read_convention, read_description
from .data.formats import FORMATS, Format
from .data.reading import read_splits
from .params import PARAMS_FILE, load_params
from .terminal.cli import Parser, run, to_path
from .terminal.say import say
from .training.run_dir import clear, locked, run_name


def train(
    params: Params,
    data_dir: Path,
    models_dir: Path,
    metrics_dir: Path,
    runs_dir: Path,
    overwrite: bool | None = None,
) -> dict[str, Any]:
    """Train `params.model` and write its checkpoints, samples and metrics.

    Args:
        data_dir: the splits that the generate stage wrote.
        models_dir: gets best.ckpt, last.ckpt, config.yaml and samples.txt; best-2.ckpt and so on
            where `training.keep_best` asks for more.
        metrics_dir: gets train.json, train.csv and val.csv.
        runs_dir: gets logs, and the state of a running training; one that was interrupted goes
            on from there and ends with the same bytes.
        overwrite: called by hand, whether to replace an earlier training in models_dir; None: the
            folder is the pipeline's, whose results DVC keeps.

    Returns:
        The content of train.json. With several processes, only the first writes files; the others
        end here.

    Raises:
        UserError: for data or settings that cannot be trained on, when training diverges, when
            another process is lost, and where results would be lost.
    """
    # Lightning takes seconds to import: only once the settings are known to be right.
    from .dataset import ArithmeticDataset, check_length
    from .lightning_module import initial_module
    from .monitoring.loggers import check_logger, make_logger
    from .monitoring.watch import Watch
    from .ops import cpu
    from .training.distributed import this_process, together
    from .training.fit import fit
    from .training.initial_weights import load_start
    from .training.outputs import LAST, check_vacant, drop_old, results, write_metrics, write_models

    process = this_process(params.runtime)
    by_hand = overwrite is not None
    with ExitStack() as held:
        if process.is_first:
            for folder in (models_dir, metrics_dir, runs_dir):
                check_writable(folder)
            held.enter_context(claimed(models_dir))
            if by_hand:
                check_vacant(models_dir, bool(overwrite))
            check_logger(params)
        start = load_start(params, results(models_dir))
        splits = read_splits(data_dir)
        written = read_convention(data_dir).format
        _check_positions(params, written, data_dir)
        datasets = {split: ArithmeticDataset(records) for split, records in splits.items()}
        for split, dataset in datasets.items():
            max_seq_len = params.model_config_in_use.max_seq_len
            check_length(dataset, max_seq_len, data_dir / f"{split}.jsonl")
        story = {"data": read_description(data_dir), "init_from": start and start.story}
        run_dir = runs_dir / run_name(params, splits, start.sha256 if start else None)
        if models_dir.resolve().is_relative_to(run_dir.resolve()):
            raise UserError(f"{models_dir}: lies in {run_dir}, which is emptied in the end")
        if process.is_first:
            held.enter_context(locked(run_dir))
            if by_hand:
                where = f"results will be in {models_dir}, logs are in {run_dir}"
                say(f"training {params.model} on {data_dir}; {where}")
        # Before all that computes in several threads, such as a trial of the compiler.
        cpu.use_well(params.runtime.accelerator)
        lit = initial_module(params, start.weights if start else None)
        watchers = [Watch(params, datasets["val"], written)]
        logger = partial(make_logger, params, run_dir)
        with together(process):
            fitted = fit(params, datasets, run_dir, process, lit, watchers, logger, story)
        if not process.is_first:
            sys.exit(0)
        with filling(models_dir / LAST, metrics_dir / "train.json") as (models, metrics):
            write_models(fitted, params, splits["val"], written, models, story)
            write_metrics(fitted, metrics, runs_dir)
            drop_old(models_dir, models)
        # Complete: nothing is left to resume.
        clear(run_dir, keep=("lock", "tensorboard", "wandb"))
    return fitted.metrics()


def _check_positions(params: Params, written: Format, data_dir: Path) -> None:
    """See that coupled positions are places: the units last in operands, and first in answers."""
    right = [f.name for f in FORMATS.values() if f.from_units and not f.operands_from_units]
    if params.model_config_in_use.positions == "coupled" and written.name not in right:
        raise UserError(
            f"models.{params.model}.positions = coupled: needs a data.format with answers alone "
            f"from the units up: {', '.join(right)}; {data_dir} is written as {written.name}"
        )


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser(
        "src.train",
        "Train the architecture that the configuration names. Without flags: as the pipeline's "
        "stage, which writes to models and metrics.",
    )
    parser.add_argument(
        "--config",
        type=to_path,
        help="params.yaml's layout, of which a part is enough, or a file whose model: is a "
        "section, such as configs/llama2.yaml (params.yaml)",
    )
    parser.add_argument("--data_dir", type=to_path, help=f"folder of the splits ({DATA_DIR})")
    parser.add_argument(
        "--out_dir",
        type=to_path,
        help=f"folder for checkpoints, samples and metrics ({CHECKPOINTS_DIR}/<name of --config>)",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace a finished training in that folder"
    )
    parser.add_argument(
        "--init_from",
        type=to_path,
        metavar="CKPT",
        help="begin with its weights (training.init_from)",
    )
    parser.add_argument("--logger", help="wandb, tensorboard or none (runtime.logger)")
    given = vars(parser.parse_args(argv))
    config, data_dir = given.get("config", PARAMS_FILE), given.get("data_dir", DATA_DIR)
    keys = {"logger": "runtime.logger", "init_from": "training.init_from"}
    overrides = {key: str(given[flag]) for flag, key in keys.items() if flag in given}
    params = load_params(config, overrides)
    if given:
        models_dir = metrics_dir = given.get("out_dir") or inside(CHECKPOINTS_DIR, config.stem)
        check_not_the_pipelines(models_dir)
        overwrite = given.get("overwrite", False)
    else:
        models_dir, metrics_dir, overwrite = MODELS_DIR, METRICS_DIR, None
    metrics = train(params, data_dir, models_dir, metrics_dir, RUNS_DIR, overwrite)
    say(
        f"{models_dir}: {params.model}, {metrics['steps']:,} steps, "
        f"val_loss {metrics['val_loss']:.4f}, val_exact_match {metrics['val_exact_match']:.4f}"
    )
    if given and (models_dir / "eval").exists():
        say(f"{models_dir / 'eval'}: of an earlier training; python -m src.eval grades this one")


if __name__ == "__main__":
    run(main)
