"""On what a benchmark ran: figures of two machines compare as ratios only."""

from __future__ import annotations

import torch

from src.ops.hardware import device_for, hardware


def machine(accelerator: str = "cpu") -> str:
    """Processor or GPU, and what is used of it: ``Intel Xeon 2.80GHz (cpu: AVX512, 2 threads)``."""
    here = str(hardware(device_for(accelerator)))
    name = torch.cpu.get_capabilities().get("cpu_name") or "processor without a name"
    return f"{name} ({here})"
