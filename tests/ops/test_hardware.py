"""What is decided on each kind of machine, each by what PyTorch would say there."""

from pathlib import Path
from typing import Any

import pytest
import torch

from src.evaluation.screening import QuickLeads
from src.models import build_model
from src.ops import hardware as module
from src.ops.hardware import coarse_dtype, device_for, hardware
from src.ops.int8 import Int8Linear
from src.training.optimizer import orthogonalise

from ..conftest import tiny_model

CPU = torch.device("cpu")
BFLOAT16 = {"avx512_bf16": True}
AMX = {"avx512_bf16": True, "amx_bf16": True, "amx_tile": True}

# Processor, what PyTorch uses of it, what it can do; then Muon's precision and oneDNN.
PROCESSORS = {
    "Zen 3": ("AMD EPYC 7763", "AVX2", {"amx_tile": False}, torch.float32, False),
    "Zen 4": ("AMD EPYC 9654", "AVX512", BFLOAT16 | {"amx_tile": False}, torch.bfloat16, True),
    "Zen 4 held to AVX2": ("AMD EPYC 9654", "AVX2", BFLOAT16, torch.float32, False),
    "Ice Lake": ("Intel Xeon 8375C", "AVX512", {"amx_tile": False}, torch.float32, False),
    "Sapphire Rapids": ("Intel Xeon 8488C", "AVX512", AMX, torch.bfloat16, False),
    "Sapphire Rapids held to AVX2": ("Intel Xeon 8488C", "AVX2", AMX, torch.float32, False),
    # PyTorch says nothing of the kind there.
    "ARM": ("", "DEFAULT", {"bf16": True}, torch.float32, False),
    "before AVX2": ("Intel Core i7-3770", "NO AVX", {"amx_tile": False}, torch.float32, False),
}


def processor(monkeypatch: pytest.MonkeyPatch, name: str) -> tuple[torch.dtype, bool]:
    """Have PyTorch say that this is another processor; returns what must follow."""
    cpu_name, used, can, coarse, onednn = PROCESSORS[name]
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {"cpu_name": cpu_name, **can})
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: used)
    return coarse, onednn


@pytest.mark.parametrize("name", PROCESSORS)
def test_each_processor(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    coarse, onednn = processor(monkeypatch, name)
    here = hardware(CPU)
    assert (here.coarse, here.onednn) == (coarse, onednn)
    # Who computes coarsely asks there.
    assert orthogonalise(torch.eye(4)[None]).dtype == coarse
    model = build_model(tiny_model("llama2"))
    copies: list[tuple[torch.dtype, bool]] = []
    monkeypatch.setattr("torch.compile", lambda function, **_: function)
    monkeypatch.setattr(
        "src.evaluation.screening.leads",
        lambda model, *_: copies.append(
            (model.lm_head.weight.dtype, isinstance(model.blocks[0].mlp.up, Int8Linear))
        ),
    )
    QuickLeads(model)(torch.zeros(1, 3))
    vectors = torch.backends.cpu.get_cpu_capability().startswith("AVX")
    assert copies == [(coarse, coarse == torch.float32 and vectors)]


def test_the_line_that_a_training_begins_with(monkeypatch: pytest.MonkeyPatch) -> None:
    processor(monkeypatch, "Zen 3")
    monkeypatch.setattr("torch.get_num_threads", lambda: 2)
    monkeypatch.setattr(module, "_QUOTA", Path("none"))
    assert hardware(CPU).line("muon", True) == "cpu: AVX2, 2 threads, float32 Muon, compiled"
    assert hardware(CPU).line("adamw", False) == "cpu: AVX2, 2 threads, AdamW, not compiled"
    processor(monkeypatch, "Zen 4")
    monkeypatch.setattr("torch.get_num_threads", lambda: 1)
    line = "cpu: AVX512, 1 thread, products by oneDNN, bfloat16 Muon, compiled"
    assert hardware(CPU).line("muon", True) == line


@pytest.mark.parametrize("ampere", [True, False])
def test_a_gpu_rounds_to_bfloat16_where_it_multiplies_it(
    monkeypatch: pytest.MonkeyPatch, ampere: bool
) -> None:
    asked: list[Any] = []

    def supported(including_emulation: bool) -> bool:
        asked.append(including_emulation)
        return ampere

    monkeypatch.setattr("torch.cuda.is_bf16_supported", supported)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda device: "NVIDIA T4")
    here = hardware(torch.device("cuda"))
    assert here.coarse == (torch.bfloat16 if ampere else torch.float32)
    # PyTorch counts as supported what it computes number by number.
    assert not any(asked)
    words = "bfloat16" if ampere else "float32"
    assert here.line("muon", True) == f"cuda: NVIDIA T4, {words} Muon, compiled"


def test_another_accelerator_is_not_trusted_with_bfloat16() -> None:
    assert coarse_dtype(torch.device("mps")) == torch.float32
    assert hardware(torch.device("mps")).line("adamw", False) == "mps: mps, AdamW, not compiled"


def test_where_a_job_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    found = torch.device("cuda", 0)
    monkeypatch.setattr("torch.accelerator.current_accelerator", lambda: found)
    monkeypatch.setattr("torch.accelerator.is_available", lambda: True)
    assert device_for("auto") == found
    assert device_for("cpu") == CPU
    monkeypatch.setattr("torch.accelerator.is_available", lambda: False)
    assert device_for("auto") == CPU
    monkeypatch.setattr("torch.accelerator.current_accelerator", lambda: None)
    assert device_for("auto") == CPU


@pytest.mark.parametrize(
    ("quota", "threads"),
    [("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("max 100000", 16)],
)
def test_no_more_threads_than_a_container_may_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quota: str, threads: int
) -> None:
    monkeypatch.setattr(module, "_QUOTA", tmp_path / "cpu.max")
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    monkeypatch.setattr("torch.get_num_threads", lambda: 16)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert hardware(CPU).threads == threads
    # Who says a number is believed.
    monkeypatch.setenv("OMP_NUM_THREADS", "16")
    assert hardware(CPU).threads == 16
