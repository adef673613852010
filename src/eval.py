"""Stage evaluate: grade a checkpoint on the test split, and show where it is wrong.

python -m src.eval [--ckpt models/best.ckpt] [--data_dir data/arithmetic] [--out_dir metrics]
python -m src.eval --inspect "554+456="    # draw where it looks while it answers this
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cli import Parser, run
from .config import ModelConfig, Params
from .files import CHECKPOINT, DATA_DIR, METRICS_DIR, RUNS_DIR, open_replacing
from .params import PARAMS_FILE, load_params

if TYPE_CHECKING:
    from .models import TransformerLM

ATTENTION = RUNS_DIR / "attention.png"


def evaluate(params: Params, checkpoint: Path, data_dir: Path, out_dir: Path) -> dict[str, Any]:
    """Grade, print and write the results.

    It grades with one teacher-forced pass, which knows the exact match (see `scoring`), and
    generates only where the model is wrong, to show what it says there.

    Args:
        checkpoint: best.ckpt or last.ckpt of the train stage.
        data_dir: what the generate stage wrote.
        out_dir: gets eval.json, errors.csv, a CSV for each breakdown of the test split, and
            exhaustive.csv with those of all problems where `evaluation.exhaustive` asks for it.

    Returns:
        What eval.json holds.

    Raises:
        UserError: for a file that is missing or not what it should be.
    """
    import pandas as pd

    from .compilation import compiles_grading
    from .dataset import ArithmeticDataset, check_length
    from .difficulty import KINDS, describe
    from .exhaustive import by_split, check_splits, every_problem, grade_rest
    from .grading import breakdown, by_digit_position, by_expert, grade, routing, tally
    from .intervals import wilson
    from .printing import show
    from .reading import read_records, read_splits
    from .sampling import ProblemSpace
    from .screening import quick_leads

    config, data = params.evaluation, params.data
    model, model_config = load(checkpoint, params)
    if config.exhaustive:
        splits = read_splits(data_dir)
        space = ProblemSpace(data.N, data.A, data.B, data.ops, data.precedence)
        every = every_problem(space)
        check_splits(space, splits)
        records = splits["test"]
    else:
        records = read_records(data_dir / "test.jsonl")
    dataset = ArithmeticDataset(records)
    check_length(dataset, model_config.max_seq_len, data_dir / "test.jsonl")

    grades = grade(model, dataset, config.batch_size)
    kinds = describe(records)
    counts = tally(kinds, grades.exact)
    problems = pd.concat([pd.DataFrame(records), kinds], axis=1).assign(split="test")
    wrong = problems[~grades.exact]
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
    tables = {f"by_{kind}": breakdown(counts, kind) for kind in KINDS}
    tables["by_digit_position"] = by_digit_position(grades)
    tables["by_expert"] = by_expert(grades)
    tables["routing"] = routing(grades)
    if grades.served.size:
        metrics["max_expert_load"] = float(tables["by_expert"]["load"].max())
        metrics["router_entropy"] = float(grades.router_entropy.mean())

    tables["exhaustive"] = by_split(pd.DataFrame(columns=[*counts, "split"]))
    if config.exhaustive:
        whole = tally(kinds.assign(all="all"), grades.exact).assign(split="test")
        quick = quick_leads(model) if compiles_grading(params, len(every)) else None
        rest, wrong_rest = grade_rest(model, every, splits, params.runtime.progress, quick)
        tables["exhaustive"] = by_split(pd.concat([whole, rest]))
        wrong = pd.concat([wrong, wrong_rest], ignore_index=True)
        metrics["exhaustive_problems"] = len(every)
        metrics["exhaustive_wrong"] = len(wrong)
    said = answers_to(model, wrong["prompt"].tolist(), config.batch_size)
    tables["errors"] = wrong.copy()
    tables["errors"].insert(2, "said", said)

    for name, table in tables.items():
        with open_replacing(out_dir / f"{name}.csv") as file:
            table.to_csv(file, index=False, lineterminator="\n")
    with open_replacing(out_dir / "eval.json") as file:
        file.write(json.dumps(metrics, indent=2) + "\n")
    show(metrics, tables, config.n_samples)
    return metrics


def load(checkpoint: Path, params: Params) -> tuple[TransformerLM, ModelConfig]:
    """A checkpoint's model on the device that `runtime.accelerator` allows.

    Lightning chooses the device in training; here are only forward passes.
    """
    from . import cpu
    from .checkpoint import load_model
    from .hardware import device_for

    cpu.use_well(params.runtime.accelerator)
    model, config = load_model(checkpoint)
    return model.to(device_for(params.runtime.accelerator)), config


def answers_to(model: TransformerLM, prompts: Sequence[str], batch_size: int) -> list[str]:
    """What the model says to each prompt."""
    from .scoring import generate_answers

    said: list[str] = []
    for start in range(0, len(prompts), batch_size):
        said += generate_answers(model, list(prompts[start : start + batch_size]))
    return said


def inspect(params: Params, checkpoint: Path, prompt: str, picture: Path) -> None:
    """Answer one problem and draw what each head of each layer looks at meanwhile."""
    from .inspection import attention, draw

    model, config = load(checkpoint, params)
    answer, table = attention(model, prompt)
    draw(prompt, answer, table, f"{config.name} answers {prompt}{answer}", picture)
    print(f"{prompt}{answer}  attention: {picture}")


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser("eval", "Grade a checkpoint on the test split.")
    parser.add_argument("--config", type=Path, help="configuration (params.yaml)")
    parser.add_argument("--ckpt", type=Path, help=f"checkpoint ({CHECKPOINT})")
    parser.add_argument("--data_dir", type=Path, help=f"folder of the splits ({DATA_DIR})")
    parser.add_argument("--out_dir", type=Path, help=f"folder for the results ({METRICS_DIR})")
    parser.add_argument("--inspect", metavar="PROBLEM", help=f"draw its attention in {ATTENTION}")
    given = vars(parser.parse_args(argv))
    params, checkpoint = (
        load_params(given.get("config", PARAMS_FILE)),
        given.get("ckpt", CHECKPOINT),
    )
    if "inspect" in given:
        return inspect(params, checkpoint, given["inspect"], ATTENTION)
    evaluate(
        params,
        checkpoint,
        given.get("data_dir", DATA_DIR),
        given.get("out_dir", METRICS_DIR),
    )


if __name__ == "__main__":
    run(main)
