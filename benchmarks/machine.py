"""The machine that a benchmark ran on; only ratios compare between machines."""

from __future__ import annotations

import torch

from src.ops.hardware import device_for, hardware


def machine(accelerator: str = "cpu") -> str:
    """The device and what PyTorch uses of it: ``Intel Xeon 2.80GHz (cpu: AVX512, 2 threads)``."""
    here = str(hardware(device_for(accelerator)))
    name = torch.cpu.get_capabilities().get("cpu_name") or "processor without a name"
    return f"{name} ({here})"
