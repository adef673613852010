"""Stage evaluate: grade a checkpoint on the test split, and show where it is wrong.

python -m src.eval    # the stage: a checkpoint in models/ on data/arithmetic, results in metrics/
python -m src.eval --ckpt checkpoints/llama2/last.ckpt --data_dir data/addition [--out_dir FOLDER]
python -m src.eval --hf FOLDER [--prompt "Q: {prompt} A:"]    # any causal language model
python -m src.eval --inspect "554+456="    # answer this, and draw where it looks meanwhile
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .common.files import (
    CHECKPOINT,
    CHECKPOINTS_DIR,
    DATA_DIR,
    METRICS_DIR,
    MODELS_DIR,
    RUNS_DIR,
    check_not_the_pipelines,
    check_writable,
)
from .common.folders import claimed
from .config import EvaluationConfig, Params
from .evaluation.results import (
    about,
    check_vacant,
    results_folder,
    results_folder_of_other,
    write_results,
)
from .params import PARAMS_FILE, load_params
from .terminal.cli import Parser, run, to_path
from .terminal.model_flags import add_model_flags, template_of
from .terminal.say import say

if TYPE_CHECKING:
    from .checkpoint import Loaded
    from .evaluation.weights import Exam

ATTENTION = RUNS_DIR / "attention.png"


def evaluate(
    params: Params, checkpoint: Path, data_dir: Path, out_dir: Path, skip_bad_rows: bool = False
) -> dict[str, Any]:
    """Grade (see `verdicts.judge`), print and write the results.

    Args:
        checkpoint: a file, or the folder of a training, of which `evaluation.weights` chooses.
        data_dir: holds test.jsonl, and the other splits where all problems are graded.
        out_dir: gets eval.json, errors.csv, a CSV for each breakdown of the test split, and
            exhaustive.csv with those of all problems where `evaluation.exhaustive` asks for it;
            and about.json, if it is not the pipeline's metrics/.
        skip_bad_rows: leave out and count test rows that are malformed, wrong or duplicates.

    Returns:
        What eval.json holds: `breakdowns.figures`, where targets have steps with `exact_trace`,
        the share of targets without a wrong token; `Leaks.metrics`, with skip_bad_rows
        `skipped_malformed`, `skipped_wrong` and `skipped_duplicate`, and, where all problems are
        graded, `exhaustive_problems` and `exhaustive_wrong`; where lengths are, `lengths.figures`;
        where `evaluation.experts` asks for it, `expert_figures`; with both weights,
        `last_exact_match`, `last_wrong` and the last weights' figures of lengths; `weights` where
        they were chosen in another way than by validation, and `chosen_step` where on the test
        split; `temperature` and `top_k` where they are above 0.

    Raises:
        UserError: for a file that is missing or not what it should be.
        OSError: if nothing can be written to out_dir, before anything is graded.
    """
    from .data.description import read_convention
    from .dataset import ArithmeticDataset, check_length
    from .evaluation import lengths
    from .evaluation.answering import pick_of
    from .evaluation.breakdowns import break_down, describe_problems, figures
    from .evaluation.expert_information import expert_figures
    from .evaluation.leaks import find_leaks
    from .evaluation.reading import read
    from .evaluation.screening import QuickLeads
    from .evaluation.verdicts import judge
    from .evaluation.weights import Exam, files_of
    from .ops.compile import compiles_grading
    from .terminal.results_table import show

    check_writable(out_dir)
    config = params.evaluation
    # A file that is named is graded, whatever else lies beside it.
    weights = config.weights if checkpoint.is_dir() else "best"
    files = files_of(checkpoint, weights)
    loaded = load(files[0], params)
    splits, every, skipped = read(config, data_dir, skip_bad_rows)
    records, dataset = splits["test"], ArithmeticDataset(splits["test"])
    check_length(dataset, loaded.config.max_seq_len, data_dir / "test.jsonl")
    written = read_convention(data_dir).format
    grid = lengths.grid_of(config, data_dir, written, loaded.config.max_seq_len)
    problems, progress = describe_problems(records, written), params.runtime.progress
    exam = Exam(problems, dataset, written, grid, config, progress)
    if weights == "best_on_test":
        # Of those that do equally well the first, which has the lowest validation loss.
        candidates = (load(file, params) for file in files)
        loaded = max(candidates, key=lambda each: exam.right(each.model).sum())

    compiled = every is not None and compiles_grading(params, len(every))
    quick = QuickLeads(loaded.model) if compiled else None
    found = judge(loaded.model, exam, splits, every, quick)
    others = [] if grid is None else [*lengths.may_be_known(grid, written, loaded.story)]
    known = find_leaks([*records, *others], written, loaded.story, data_dir, progress)
    leaks, grades = known[: len(records)], found.grades

    sizes = loaded.model.num_parameters(), loaded.model.num_parameters(active=True)
    metrics = figures(loaded.config.name, sizes, grades, found.whole if written.traced else None)
    metrics |= leaks.metrics(grades.exact) | skipped
    if config.experts:
        metrics |= expert_figures(problems, grades, written)
    tables = break_down(problems, grades, written) | {"errors": found.errors}
    if every is not None and found.everything is not None:
        tables["exhaustive"] = found.everything
        metrics |= {"exhaustive_problems": len(every), "exhaustive_wrong": len(found.errors)}
    if grid is not None:
        graded = lengths.grade_lengths(
            loaded.model, grid, written, config.batch_size, progress, pick_of(config)
        )
        tables["by_lengths"] = graded
        metrics |= lengths.figures(graded, known[len(records) :])
    if weights == "both":
        metrics |= _of_last(exam, metrics, loaded, load(files[1], params))
    metrics |= _how(config, weights, loaded)

    origin = about(checkpoint, metrics, data_dir) if out_dir != METRICS_DIR else None
    write_results(metrics, tables, out_dir, origin)
    said = dict(zip(found.said["prompt"], found.said["said"], strict=True))
    samples = [(r, said.get(r.prompt, r.target)) for r in records[: config.n_samples]]
    show(metrics, tables, samples, written, leaks.sentence(grades.exact))
    return metrics


def _of_last(
    exam: Exam, of_best: Mapping[str, Any], best: Loaded, last: Loaded
) -> dict[str, float]:
    """The last weights' figures, under names that begin with last_; often they are the best."""
    from .checkpoint import weights_hash
    from .evaluation.weights import OF_LAST

    same = weights_hash(last.model.state_dict()) == weights_hash(best.model.state_dict())
    found = of_best if same else exam.figures(last.model)
    return {f"last_{name}": found[name] for name in OF_LAST if name in found}


def _how(config: EvaluationConfig, weights: str, loaded: Loaded) -> dict[str, Any]:
    """What of `evaluation:` is as no ordinary grading has it."""
    found: dict[str, Any] = {}
    if weights in ("last", "best_on_test"):
        found["weights"] = weights
    if weights == "best_on_test":
        step = loaded.metrics.get("step")
        found["chosen_step"] = None if step is None else int(step)
    for key, neutral in (("temperature", 0), ("top_k", 0), ("attention_scale", 1)):
        if (value := getattr(config, key)) != neutral:
            found[key] = value
    return found


def load(checkpoint: Path, params: Params) -> Loaded:
    """A checkpoint with its model as it is graded, on the device that `runtime.accelerator` allows.

    Lightning chooses the device in training; here are only forward passes.
    """
    from .checkpoint import load_checkpoint
    from .ops import cpu
    from .ops.hardware import device_for

    cpu.use_well(params.runtime.accelerator)
    loaded = load_checkpoint(checkpoint)
    loaded.model.sharpen_attention(params.evaluation.attention_scale)
    loaded.model.to(device_for(params.runtime.accelerator))
    return loaded


def inspect(params: Params, checkpoint: Path, prompt: str, picture: Path) -> None:
    """Answer one problem and draw what each head of each layer looks at meanwhile.

    Raises:
        UserError: for a checkpoint that is none, and for what cannot be asked.
    """
    from .inspection.attention_map import attention, draw
    from .inspection.examiner import OurExaminer

    loaded = load(checkpoint, params)
    examiner = OurExaminer(loaded, params.data)
    question = examiner.question(prompt)
    say(*examiner.lines([question]))
    asked = question.prompt
    answer, table = attention(loaded.model, asked, examiner.convention.format)
    draw(asked, answer, table, f"{loaded.config.name} answers {asked}{answer}", picture)
    say(f"attention: {picture}")


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser(
        "src.eval",
        "Grade a checkpoint, or another's model, on the test split. Without flags, it writes to "
        f"{METRICS_DIR}.",
    )
    parser.add_argument("--config", type=to_path, help="configuration (params.yaml)")
    add_model_flags(parser)
    parser.add_argument("--data_dir", type=to_path, help=f"folder of the splits ({DATA_DIR})")
    parser.add_argument(
        "--out_dir",
        type=to_path,
        help="folder for the results (eval beside the checkpoint; "
        f"{RUNS_DIR / 'eval'} for one in {MODELS_DIR} or {RUNS_DIR}; with --hf "
        f"{CHECKPOINTS_DIR}/NAME/eval, NAME being that of its folder)",
    )
    parser.add_argument(
        "--skip_bad_rows",
        action="store_true",
        help="leave out and count malformed, wrong and duplicate rows instead of refusing the file",
    )
    parser.add_argument(
        "--inspect", metavar="PROBLEM", help=f"answer it, and draw where it looks in {ATTENTION}"
    )
    given = vars(parser.parse_args(argv))
    template, params = template_of(given), load_params(given.get("config", PARAMS_FILE))
    default = CHECKPOINT if params.evaluation.weights == "best" else MODELS_DIR
    checkpoint, other = given.get("ckpt", default), given.get("hf")
    if "inspect" in given:
        if other:
            parser.error("argument --inspect: not allowed with argument --hf")
        return inspect(params, checkpoint, given["inspect"], ATTENTION)
    out_dir = METRICS_DIR
    if given:
        out_dir = given.get("out_dir") or (
            results_folder_of_other(other) if other else results_folder(checkpoint)
        )
        check_not_the_pipelines(out_dir)
    where = given.get("data_dir", DATA_DIR), out_dir, "skip_bad_rows" in given
    with claimed(out_dir):
        if given:
            check_vacant(out_dir)
        if other:
            from .evaluation.other_grading import evaluate_other

            evaluate_other(params, other, template, *where)
        else:
            evaluate(params, checkpoint, *where)
    say(f"results: {out_dir}")


if __name__ == "__main__":
    run(main)
