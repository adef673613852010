"""The recipes of configs/, one for each kind of problem: their commands and their results.

python -m scripts.recipes              # the table of docs/recipes.md, from the runs of make recipes
python -m scripts.recipes --commands   # each recipe as a dvc exp run
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import quote

from src.common.errors import UserError
from src.common.files import CHECKPOINTS_DIR, ROOT, open_replacing
from src.common.markdown import literal
from src.common.marked_section import insert
from src.config import Params
from src.params import PARAMS_FILE, load_params
from src.terminal.cli import Parser, run

CONFIGS = ROOT / "configs"
PAGE = ROOT / "docs" / "recipes.md"
BEGIN = "<!-- recipes: written by python -m scripts.recipes -->"


def recipes() -> list[Path]:
    """The files of configs/ that change some values of params.yaml, sorted by name.

    The other files there hold the whole section of the data or of a model.
    """
    whole = {"data", *load_params().models}
    return [path for path in sorted(CONFIGS.glob("*.yaml")) if path.stem not in whole]


def command(config: Path) -> str:
    """The `dvc exp run` with the parameters of a file of configs/.

    Its flags are the values that differ from params.yaml, which may be fewer than the file has.
    """
    ours, base = (_flat(load_params(path)) for path in (config, PARAMS_FILE))
    changes = [f"{key}={_text(value)}" for key, value in ours.items() if base.get(key) != value]
    flags = [f"-S {shlex.quote(change)}" for change in changes]
    return " ".join(["dvc exp run", f"--name {shlex.quote(config.stem)}", *flags])


def _flat(params: Params) -> dict[str, Any]:
    """Values by dotted key; of `models:` only the one in use."""
    content = params.model_dump()
    flat = {"model": content["model"]}
    sections = {name: content[name] for name in ("data", "training", "evaluation")}
    sections[f"models.{params.model}"] = content["models"][params.model]
    return flat | {f"{s}.{k}": v for s, values in sections.items() for k, v in values.items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def table(runs: Path) -> str:
    """A Markdown table with the results of each recipe.

    Args:
        runs: contains a folder for each recipe that was run, with config.yaml, train.json and
            eval/eval.json.

    Raises:
        UserError: if no recipe was run.
    """
    lines = [
        "| recipe | problems | for training | exact match on unseen ones (95 %) | wrong "
        "| to 99 % | steps |",
        "|---|---|---|---|---|---|---|",
    ]
    found = False
    for config in recipes():
        params, run = load_params(config), runs / config.stem
        data, ran = params.data, _is_graded(run, params)
        found |= ran
        cells = [
            f"[{literal(config.stem)}](../configs/{quote(config.name)})",
            f"{data.N} numbers {data.A:,} .. {data.B:,}, `{' '.join(data.ops)}`"
            + (f" mod {data.modulus}" if data.modulus else ""),
            f"{data.split_sizes['train']:,}",
            *(_results(run) if ran else ("not run", "-", "-", "-")),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    if not found:
        raise UserError(f"{runs}: holds no recipe's run; make recipes trains each recipe")
    return "\n".join(lines) + "\n"


def _is_graded(run: Path, params: Params) -> bool:
    """Whether a graded run exists, with the recipe's current model and training."""
    if not (run / "eval" / "eval.json").exists():
        return False
    its = load_params(run / "config.yaml")
    ours = (params.model_config_in_use, params.training)
    return (its.model_config_in_use, its.training) == ours


def _results(run: Path) -> tuple[str, str, str, str]:
    """Exact match, wrong answers, steps to 99 % and all steps of a run."""
    trained = json.loads((run / "train.json").read_text(encoding="utf-8"))
    graded = json.loads((run / "eval" / "eval.json").read_text(encoding="utf-8"))
    interval = f"{graded['exact_match_low']:.2%} .. {graded['exact_match_high']:.2%}"
    reached = trained["steps_to_99"]
    return (
        f"{graded['exact_match']:.2%} ({interval})",
        f"{graded['wrong']:,} of {graded['problems']:,}",
        "-" if reached is None else f"{reached:,}",
        f"{trained['steps']:,}",
    )


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser(
        "scripts.recipes",
        "Write the table of docs/recipes.md from the runs of make recipes.",
    )
    parser.add_argument("--commands", action="store_true", help="each recipe as a dvc exp run")
    if "commands" in parser.parse_args(argv):
        for config in recipes():
            print(command(config))
        return
    rows = table(CHECKPOINTS_DIR)
    text = insert(PAGE.read_text(encoding="utf-8"), rows, BEGIN)
    with open_replacing(PAGE) as file:
        file.write(text)
    print(rows, end="")


if __name__ == "__main__":
    run(main)
