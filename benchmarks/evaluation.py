"""How fast grading and generating are: ours, Hugging Face's, and the matrix products alone.

python -m benchmarks.evaluation [--ckpt models/best.ckpt] [--rounds 5] [--threads 1]

Two jobs; in each, ours, Hugging Face's and the products take turns in one process. *Grade*: all
problems of ``params.yaml``, against Hugging Face's greedy `generate` with a cache, on the same
weights. *Generate*: 1 to 4,096 prompts, new ones in each round, by `generate` on both sides.
Ours grades a part of the problems, some first operands with all second ones, and Hugging Face's
answers a sample of these; both times are scaled to all problems.
*Products* are the matrix products that ours computes where it is not compiled, in float32: each
shape, with its strides, as often as it occurs, on random numbers, and nothing else. Ours and the
products run with the settings of `src.ops.cpu`, Hugging Face's without.

Grading is compiled where that is possible, as `runtime.compile: auto` has it for so many problems;
compiling is not counted. Where the device computes in bfloat16, so does the first pass, which may
take less time than the products in float32.

Without a checkpoint the weights are random. These never answer with <eos>, so both sides generate
as many tokens as the longest answer has.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Mapping
from statistics import median
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor

from src.checkpoint import load_model
from src.config import ModelConfig
from src.data.formats import PLAIN
from src.data.problems import Problems
from src.data.records import to_records
from src.evaluation.exhaustive import every_problem, grade_rest
from src.evaluation.screening import QuickLeads
from src.models import TransformerLM, build_model
from src.ops import cpu
from src.ops.compile import compiles_grading
from src.params import load_params
from src.splits.source import space_of
from src.terminal import cli
from src.tokenizer import BOS, CharTokenizer
from tests.huggingface.peers import peer

from .command import parser
from .machine import machine
from .products import Job, products_of

# Hugging Face's fastest of 256, 512, 1,024 and 4,096 on two cores.
_PEER_BATCH = 512
_PROMPTS = (1, 8, 64, 512, 4096)


def left_padded(prompts: list[str]) -> tuple[Tensor, Tensor]:
    """Token ids and attention mask of prompts, padded on the left for Hugging Face's `generate`."""
    tokenizer = CharTokenizer()
    reversed_ids = [tokenizer.encode(BOS + prompt)[::-1] for prompt in prompts]
    ids, mask = tokenizer.pad_batch(reversed_ids)
    return ids.flip(1), mask.flip(1)


def their_generate(theirs: Any, prompts: list[str], new_tokens: int, fresh: bool) -> Job:
    """Hugging Face's greedy decoding of prompts, in batches."""
    ids, mask = left_padded(prompts)

    @cpu.as_by_default()
    def run() -> Tensor:
        return torch.cat(
            [
                theirs.generate(
                    part,
                    attention_mask=part_mask,
                    max_new_tokens=new_tokens,
                    min_new_tokens=new_tokens if fresh else None,
                    do_sample=False,
                    use_cache=True,
                    eos_token_id=CharTokenizer.eos_id,
                    pad_token_id=CharTokenizer.pad_id,
                )[:, ids.size(1) :]
                for part, part_mask in zip(
                    ids.split(_PEER_BATCH), mask.split(_PEER_BATCH), strict=True
                )
            ]
        )

    return run


def our_generate(ours: TransformerLM, prompts: list[str], new_tokens: int, fresh: bool) -> Job:
    """Our greedy decoding of prompts."""
    tokenizer = CharTokenizer()
    ids, mask = tokenizer.pad_batch([tokenizer.encode(BOS + prompt) for prompt in prompts])
    eos_id = -1 if fresh else tokenizer.eos_id
    return lambda: ours.generate(ids, new_tokens, eos_id, mask)


def in_turn(jobs: Iterable[Job]) -> Job:
    """A job that runs the next of several at each call."""
    queue = iter(jobs)
    return lambda: next(queue)()


def by_turns(
    jobs: Mapping[str, Job], rounds: int, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Seconds of each job in each round, by name; a first round warms up and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    with torch.inference_mode():
        for turn in range(rounds + 1):
            for name, job in jobs.items():
                start = clock()
                job()
                if turn:
                    seconds[name].append(clock() - start)
    return seconds


def report(what: str, seconds: Mapping[str, list[float]], scale: Mapping[str, float]) -> None:
    """One line of the table: medians of the times, and both ratios as min / median / max."""
    scaled = {name: [scale[name] * s for s in times] for name, times in seconds.items()}
    times = "".join(f"{median(scaled[name]):>12.3f}" for name in ("ours", "theirs", "products"))
    ratios = []
    for above, below in (("theirs", "ours"), ("ours", "products")):
        ratio = [a / b for a, b in zip(scaled[above], scaled[below], strict=True)]
        ratios.append(f"{min(ratio):>8.2f} {median(ratio):5.2f} {max(ratio):5.2f}")
    print(f"{what:24}{times}   {'   '.join(ratios)}", flush=True)


def prompts_of(problems: Problems) -> list[str]:
    """What both programs are asked."""
    return [record.prompt for record in to_records(PLAIN.tokens(problems))]


def measure(
    name: str,
    ours: TransformerLM,
    config: ModelConfig,
    every: Problems,
    compiled: bool,
    args: argparse.Namespace,
) -> None:
    """Measure both jobs for one set of weights, and print a line for each.

    Args:
        name: of the architecture, in these lines.
        every: all problems.
        compiled: whether to compile grading.
        args: the flags.
    """
    fresh = args.ckpt is None
    clock = time.process_time if args.clock == "cpu" else time.perf_counter
    rng = np.random.default_rng(0)
    theirs = peer(ours, config)
    new_tokens = max(len(str(x)) for x in (every.answers.min(), every.answers.max())) + 1

    first = every.operands[:, 0]
    values = np.unique(first)
    n_values = max(1, round(len(values) * args.problems / len(every)))
    kept = values[np.linspace(0, len(values) - 1, n_values).astype(int)]
    part = every[np.isin(first, kept)]
    sample = part[rng.permutation(len(part))[: args.sample]]

    quick = QuickLeads(ours) if compiled else None

    def grade() -> Any:
        return grade_rest(ours, part, {}, PLAIN, quick=quick)

    their_job = their_generate(theirs, prompts_of(sample), new_tokens, fresh)
    products = products_of(lambda: grade_rest(ours, part, {}, PLAIN))
    jobs = {"ours": grade, "theirs": their_job, "products": products}
    scale = {name: len(every) / len(part) for name in jobs}
    scale["theirs"] = len(every) / len(sample)
    report(f"{name} grade {len(every):,}", by_turns(jobs, args.rounds, clock), scale)

    for n in _PROMPTS:
        drawn = [every[rng.integers(0, len(every), n)] for _ in range(args.rounds + 1)]
        batches = [prompts_of(problems) for problems in drawn]
        mine = [our_generate(ours, prompts, new_tokens, fresh) for prompts in batches]
        others = [their_generate(theirs, prompts, new_tokens, fresh) for prompts in batches]
        # New prompts in each round, as in use: oneDNN generates code for each new shape.
        jobs = {"ours": in_turn(mine), "theirs": in_turn(others), "products": products_of(mine[0])}
        report(f"{name} generate {n:,}", by_turns(jobs, args.rounds, clock), dict.fromkeys(jobs, 1))


def main(argv: list[str] | None = None) -> None:
    """The command."""
    flags = parser("evaluation", __doc__)
    flags.add_argument("--ckpt", type=cli.to_path, help="trained weights instead of random ones")
    flags.add_argument("--models", nargs="+", help="architectures (all)")
    flags.add_argument("--rounds", type=int, default=5)
    flags.add_argument("--threads", type=int, default=1)
    flags.add_argument("--problems", type=int, default=20_000, help="how many ours grades")
    flags.add_argument("--sample", type=int, default=1024, help="how many Hugging Face's answers")
    flags.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    flags.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu: for a machine that is busy"
    )
    args = flags.parse_args(argv)
    torch.set_num_threads(args.threads)
    cpu.use_well()
    params = load_params(overrides={"runtime.compile": "on" if args.compile else "off"})
    every = every_problem(space_of(params.data))
    compiled = compiles_grading(params, len(every))

    transformers.logging.set_verbosity_error()

    print(machine())
    header = f"{'seconds, median':24}{'ours':>12}{'theirs':>12}{'products':>12}"
    print(f"{header}   {'theirs / ours':>20}   {'ours / products':>20}")
    if args.ckpt:
        model, config = load_model(args.ckpt)
        return measure(config.name, model, config, every, compiled, args)
    for name in args.models or params.models:
        torch.manual_seed(0)
        config = params.models[name]
        measure(name, build_model(config).eval(), config, every, compiled, args)


if __name__ == "__main__":
    cli.run(main)
