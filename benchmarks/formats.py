"""What a short training makes of every format, with every operator and every architecture.

    python -m benchmarks.formats [--steps 300] [--formats reverse ...] [--ops + ...] [--models ...]

Each cell generates problems of two numbers up to 99, trains a small model on them (32 wide, two
layers) and decodes the test split, by the stages' own functions. It is the share of answers that
are right, and where targets have steps, in parentheses the share of targets without a wrong token.
So few steps say that all goes together, not which format is best: docs/formats.md has longer runs.
"""

from __future__ import annotations

import io
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, get_args

from src.config import DataConfig, ModelConfig, Params
from src.data.formats import FORMATS
from src.data_gen import write
from src.eval import evaluate
from src.params import load_params
from src.splits.source import space_of
from src.terminal import cli
from src.train import train

from .command import parser
from .machine import machine

OPS = ("+", "-", "*", "/", "+-*/")
_PROBLEMS = 4000
_SMALL = {"d_model": 32, "n_heads": 2, "n_layers": 2, "d_ff": 64, "max_seq_len": 96}


def settings(architecture: str, written: str, ops: str, steps: int) -> Params:
    """params.yaml with small data and a small model."""
    content: dict[str, Any] = load_params().model_dump()
    content["model"] = architecture
    content["models"][architecture] |= _SMALL
    data = {"N": 2, "A": 0, "B": 99, "ops": ops, "format": written, "n_samples": 20}
    content["data"] |= {**data, "val_fraction": 0.05, "test_fraction": 0.1}
    size = space_of(DataConfig.model_validate(content["data"])).size()
    assert size is not None
    # Few divisions leave no remainder.
    content["data"]["n_samples"] = min(_PROBLEMS, size * 9 // 10)
    warmup, interval = min(50, steps - 1), float(max(steps // 3, 1))
    content["training"] |= {"batch_size": 32, "max_steps": steps, "warmup_steps": warmup}
    content["training"] |= {"val_check_interval": interval, "log_every_n_steps": steps}
    content["training"]["n_samples"] = 1
    content["evaluation"] |= {"exhaustive": False, "n_samples": 1}
    content["runtime"] |= {"logger": "none", "progress": False, "compile": "off"}
    return Params.model_validate(content)


def graded(params: Params, folder: Path) -> dict[str, Any]:
    """Generate, train and evaluate in a folder; the content of eval.json."""
    data, models = folder / "data", folder / "models"
    with redirect_stdout(io.StringIO()):
        write(params.data, data)
        train(params, data, models, folder / "metrics", folder / "runs")
        return evaluate(params, models / "best.ckpt", data, folder / "metrics")


def cell(metrics: dict[str, Any]) -> str:
    """Such as ``12.25%``, or ``12.25% (8.00%)``."""
    steps = f" ({metrics['exact_trace']:.2%})" if "exact_trace" in metrics else ""
    return f"{metrics['exact_match']:.2%}{steps}"


def main(argv: list[str] | None = None) -> None:
    """The command."""
    models = get_args(ModelConfig.model_fields["name"].annotation)
    flags = parser("formats", __doc__)
    flags.add_argument("--steps", type=int, default=300, help="of each training")
    flags.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    flags.add_argument("--ops", nargs="+", choices=OPS, default=OPS, help="each with its own data")
    flags.add_argument("--models", nargs="+", choices=models, default=models)
    args = flags.parse_args(argv)
    began, n_cells = time.monotonic(), 0
    print(f"{machine()}, {args.steps} steps each")
    print(f"{'format':16}{'ops':6}{'example':52}" + "".join(f"{name:>20}" for name in args.models))
    for name in args.formats:
        for ops in args.ops:
            operands = [84, 7] if ops == "/" else [54, 46]
            answer = {"+": 100, "-": 8, "*": 2484, "/": 12}[ops[0]]
            row = f"{name:16}{ops:6}{''.join(FORMATS[name].write(operands, ops[0], answer)):52}"
            print(row, end="", flush=True)
            for architecture in args.models:
                with tempfile.TemporaryDirectory() as here:
                    params = settings(architecture, name, ops, args.steps)
                    print(f"{cell(graded(params, Path(here))):>20}", end="", flush=True)
                n_cells += 1
            print()
    print(f"{n_cells} trainings in {time.monotonic() - began:,.0f} s")


if __name__ == "__main__":
    cli.run(main)
