"""Stage evaluate: grade a checkpoint on the test split, and show where it is wrong.

python -m src.eval [--ckpt models/best.ckpt] [--data_dir data/arithmetic] [--out_dir metrics]
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cli import Parser, run
from .config import Params
from .files import DATA_DIR, METRICS_DIR, MODELS_DIR, open_replacing
from .params import PARAMS_FILE, load_params

if TYPE_CHECKING:
    import pandas as pd

CHECKPOINT = MODELS_DIR / "best.ckpt"


def evaluate(params: Params, checkpoint: Path, data_dir: Path, out_dir: Path) -> dict[str, Any]:
    """Grade, print and write the results.

    It grades with one teacher-forced pass, which knows the exact match (see `scoring`), and
    generates only where the model is wrong, to show what it says there.

    Args:
        checkpoint: best.ckpt or last.ckpt of the train stage.
        data_dir: what the generate stage wrote.
        out_dir: gets eval.json, errors.csv and a CSV for each breakdown.

    Returns:
        What eval.json holds.

    Raises:
        UserError: for a file that is missing or not what it should be.
    """
    import numpy as np
    import pandas as pd
    import torch

    from .checkpoint import load_model
    from .dataset import ArithmeticDataset, check_length
    from .grading import breakdown, by_digit_position, describe, grade, wilson
    from .records import read_records
    from .scoring import generate_answers

    config = params.evaluation
    records = read_records(data_dir / "test.jsonl")
    model, model_config = load_model(checkpoint)
    # Lightning chooses the device in training; here are only forward passes.
    if params.runtime.accelerator != "cpu" and torch.accelerator.is_available():
        model.to(torch.accelerator.current_accelerator())
    dataset = ArithmeticDataset(records)
    check_length(dataset, model_config.max_seq_len, data_dir / "test.jsonl")
    grades = grade(model, dataset, config.batch_size)
    problems = describe(records)

    wrong = problems[~grades.exact].copy()
    said: list[str] = []
    for start in range(0, len(wrong), config.batch_size):
        said += generate_answers(model, wrong["prompt"][start : start + config.batch_size].tolist())
    wrong.insert(2, "said", said)

    low, high = wilson(int(grades.exact.sum()), len(records))
    metrics: dict[str, Any] = {
        "architecture": model_config.name,
        "exact_match": float(grades.exact.mean()),
        "exact_match_low": low,
        "exact_match_high": high,
        "loss": grades.loss,
        "problems": len(records),
        "wrong": len(wrong),
        "parameters": model.num_parameters(),
        "active_parameters": model.num_parameters(active=True),
    }
    layer, expert = np.indices(grades.expert_load.shape)
    load = {
        "layer": layer.ravel(),
        "expert": expert.ravel(),
        "load": grades.expert_load.ravel(),
    }
    if grades.expert_load.size:
        metrics["max_expert_load"] = float(grades.expert_load.max())
        metrics["router_entropy"] = float(grades.router_entropy.mean())
    kinds = ("answer_length", "operand_lengths", "carries")
    tables = {f"by_{kind}": breakdown(problems, grades.exact, kind) for kind in kinds}
    tables["by_digit_position"] = by_digit_position(records, grades)
    tables["by_expert"] = pd.DataFrame(load)
    tables["errors"] = wrong
    for name, table in tables.items():
        with open_replacing(out_dir / f"{name}.csv") as file:
            table.to_csv(file, index=False, lineterminator="\n")
    with open_replacing(out_dir / "eval.json") as file:
        file.write(json.dumps(metrics, indent=2) + "\n")
    show(metrics, tables, config.n_samples)
    return metrics


def show(metrics: dict[str, Any], tables: dict[str, pd.DataFrame], n_samples: int) -> None:
    """Print the results."""
    # rich: tables that fit the terminal, also where there is none.
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for name in (
        "by_answer_length",
        "by_operand_lengths",
        "by_carries",
        "by_digit_position",
    ):
        frame = tables[name]
        title = frame.columns[0]
        table = Table(title=name.replace("_", " "), title_justify="left")
        for column in (title, "problems", "wrong", "share right", "95 % interval"):
            table.add_column(column.replace("_", " "), justify="right")
        for value, problems, wrong, share, low, high in frame.itertuples(index=False):
            interval = f"{low:.4f} .. {high:.4f}"
            table.add_row(str(value), f"{problems:,}", f"{wrong:,}", f"{share:.4f}", interval)
        console.print(table)
    for (layer,), group in tables["by_expert"].groupby(["layer"]):
        shares = "  ".join(f"{share:.3f}" for share in group["load"])
        console.print(f"expert load, layer {layer}: {shares}")
    for row in tables["errors"].head(n_samples).itertuples(index=False):
        console.print(f"wrong: {row.prompt}{row.said}, not {row.target}")
    console.print(
        f"{metrics['architecture']}: {metrics['exact_match']:.2%} of {metrics['problems']:,} right "
        f"(95 %: {metrics['exact_match_low']:.2%} .. {metrics['exact_match_high']:.2%}), "
        f"loss {metrics['loss']:.5f}, {metrics['parameters']:,} parameters, "
        f"{metrics['active_parameters']:,} active",
        soft_wrap=True,
    )


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser("eval", "Grade a checkpoint on the test split.")
    parser.add_argument("--config", type=Path, help="configuration (params.yaml)")
    parser.add_argument("--ckpt", type=Path, help=f"checkpoint ({CHECKPOINT})")
    parser.add_argument("--data_dir", type=Path, help=f"folder of the splits ({DATA_DIR})")
    parser.add_argument("--out_dir", type=Path, help=f"folder for the results ({METRICS_DIR})")
    given = vars(parser.parse_args(argv))
    evaluate(
        load_params(given.get("config", PARAMS_FILE)),
        given.get("ckpt", CHECKPOINT),
        given.get("data_dir", DATA_DIR),
        given.get("out_dir", METRICS_DIR),
    )


if __name__ == "__main__":
    run(main)
