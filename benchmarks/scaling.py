"""Estimates for larger models: memory, time, traffic between devices, and hours of a sweep.

    python -m benchmarks.scaling [--peak 9.894e14] [--share 0.4] [--link 4.5e11] [--memory 8e10]

Weights, optimizer state and operations are counted on the real model and the real optimizer, with
tensors that hold no data. Activations follow from a formula, which a test compares with what the
real model saves. The flags describe the machine; nothing is timed. The formulas are in
docs/scaling.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from src.config import ModelConfig
from src.models import build_model
from src.params import load_params
from src.terminal import cli
from src.training.optimizer import make_optimizer
from src.utils import training_flops

from .command import parser

_FLOAT = 4  # bytes; weights, gradients and optimizer state stay float32 in bf16-mixed, too
# The backward pass's share of a step's time, during which gradients can be sent.
_BACKWARD = 2 / 3
# Sizes of a Llama-2; the last has the blocks of the published 7B.
SIZES: dict[str, dict[str, int]] = {
    "the default": {},
    "1024 wide": {"d_model": 1024, "n_layers": 24, "n_heads": 16, "d_ff": 2736},
    "4096 wide": {"d_model": 4096, "n_layers": 32, "n_heads": 32, "d_ff": 11008},
}


@dataclass(frozen=True)
class Machine:
    """Several devices and the link between them.

    Attributes:
        peak: FLOP/s of a device, by its datasheet.
        share: the share of the peak that training reaches.
        link: bytes per second that a device can send.
        memory: bytes of a device.
        devices: number of devices of one run.
    """

    peak: float
    share: float
    link: float
    memory: float
    devices: int


@dataclass(frozen=True)
class Size:
    """What a model needs on any machine.

    Attributes:
        parameters: number of weights.
        state: bytes of weights, gradients and optimizer state, by name of the optimizer.
        activations: bytes for each token that the backward pass needs.
        flops: operations for each token, forward and backward.
        block: bytes of the weights of one block.
    """

    parameters: int
    state: dict[str, int]
    activations: int
    flops: float
    block: int


def activations(config: ModelConfig) -> int:
    """Bytes for each token that a Llama-2 in float32 saves for its backward pass, approximately.

    Each block saves 12 vectors of C numbers, for norms and attention, and 4 of F; the last norm 3
    of C.
    """
    C, F = config.d_model, config.d_ff
    return _FLOAT * (config.n_layers * (12 * C + 4 * F) + 3 * C)


def size(config: ModelConfig, T: int) -> Size:
    """What one model needs.

    Args:
        T: tokens of a sequence, all of which are targets.
    """
    with torch.device("meta"):
        model = build_model(config)
    state = {}
    for name in ("adamw", "muon"):
        # bf16-mixed, as the fused optimizer of full precision needs tensors with data.
        changes = {"optimizer": name, "precision": "bf16-mixed"}
        optimizer = make_optimizer(model, load_params().training.model_copy(update=changes))
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
        kept = [x for entry in optimizer.state.values() for x in entry.values() if x.dim()]
        held = [*model.parameters(), *(p.grad for p in model.parameters() if p.grad is not None)]
        state[name] = sum(x.numel() * x.element_size() for x in [*held, *kept])
    return Size(
        parameters=model.num_parameters(),
        state=state,
        activations=activations(config),
        flops=training_flops(model, T, T) / T,
        block=_FLOAT * sum(p.numel() for p in model.blocks[0].parameters()),
    )


def seconds(size: Size, machine: Machine, tokens: float) -> float:
    """Seconds to train on a number of tokens on one device."""
    return tokens * size.flops / (machine.share * machine.peak)


def all_reduce(size: Size, machine: Machine) -> float:
    """Bytes that each device sends to sum the gradients of a step by a ring all-reduce."""
    return 2 * (machine.devices - 1) / machine.devices * _FLOAT * size.parameters


def least_tokens(size: Size, machine: Machine) -> float:
    """Tokens per device and step from which the backward pass takes as long as its all-reduce."""
    travel = all_reduce(size, machine) / machine.link
    return travel / (_BACKWARD * seconds(size, machine, 1))


def ddp_tokens(size: Size, machine: Machine) -> float:
    """Tokens per device whose activations fit beside the whole state; below 0 if it is too big."""
    return (machine.memory - size.state["adamw"]) / size.activations


def fsdp_tokens(size: Size, machine: Machine) -> float:
    """`ddp_tokens` with the state sharded over the devices, and two blocks gathered at a time."""
    held = size.state["adamw"] / machine.devices + 2 * size.block
    return (machine.memory - held) / size.activations


def table(machine: Machine, T: int, tokens: int, steps: int, runs: int) -> str:
    """A Markdown table with a column for each of `SIZES`.

    Args:
        T: tokens of a sequence.
        tokens: tokens of a step, on all devices together.
        steps: steps of a run.
        runs: runs of a sweep.
    """
    base = load_params().models["llama2"]
    sizes = [size(base.model_copy(update={**s, "max_seq_len": T}), T) for s in SIZES.values()]
    hours = [runs * seconds(s, machine, tokens * steps) / 3600 for s in sizes]
    fits = [f"{x:,.0f}" if x > 0 else "none" for x in (ddp_tokens(s, machine) for s in sizes)]
    rows = {
        "parameters": [f"{s.parameters:,}" for s in sizes],
        "weights, gradients and AdamW, MB": [f"{s.state['adamw'] / 1e6:,.1f}" for s in sizes],
        "weights, gradients and Muon, MB": [f"{s.state['muon'] / 1e6:,.1f}" for s in sizes],
        "activations of 1,000 tokens, MB": [f"{s.activations / 1e3:,.1f}" for s in sizes],
        "FLOPs of a token": [f"{s.flops:.3g}" for s in sizes],
        "a step on all devices, ms": [
            f"{1000 * seconds(s, machine, tokens) / machine.devices:,.3g}" for s in sizes
        ],
        "gradients that a device sends, MB": [
            f"{all_reduce(s, machine) / 1e6:,.1f}" for s in sizes
        ],
        "DDP hides them from, tokens a device": [f"{least_tokens(s, machine):,.0f}" for s in sizes],
        "DDP has room for, tokens a device": fits,
        "FSDP has room for, tokens a device": [f"{fsdp_tokens(s, machine):,.0f}" for s in sizes],
        "device hours of the sweep": [f"{h:,.3g}" for h in hours],
    }
    lines = [["", *SIZES], ["---"] * (len(SIZES) + 1), *([k, *v] for k, v in rows.items())]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main(argv: list[str] | None = None) -> None:
    """The command."""
    flags = parser("scaling", __doc__)
    flags.add_argument("--peak", type=float, default=989.4e12, help="FLOP/s of a device")
    flags.add_argument("--share", type=float, default=0.4, help="share of it that training reaches")
    flags.add_argument("--link", type=float, default=450e9, help="bytes/s that a device sends")
    flags.add_argument("--memory", type=float, default=80e9, help="bytes of a device")
    flags.add_argument("--devices", type=int, default=8, help="devices of a run")
    flags.add_argument("--length", type=int, default=1024, help="tokens of a sequence")
    flags.add_argument("--tokens", type=int, default=2**19, help="tokens of a step, all devices")
    flags.add_argument("--steps", type=int, default=10_000, help="steps of a run")
    flags.add_argument("--runs", type=int, default=9, help="runs of a sweep")
    args = flags.parse_args(argv)
    machine = Machine(args.peak, args.share, args.link, args.memory, args.devices)
    print(table(machine, args.length, args.tokens, args.steps, args.runs), end="")


if __name__ == "__main__":
    cli.run(main)
