"""What the processor or the accelerator can do, and the settings that follow from it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import torch

# A container's CPU quota: microseconds of processor time in a period of so many microseconds.
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


@dataclass(frozen=True)
class Hardware:
    """The device of a job, and the settings that follow from it.

    Attributes:
        device: PyTorch's name of its kind: cpu, cuda, mps, ...
        kind: the instruction set that PyTorch uses (AVX2, AVX512, or DEFAULT on a processor for
            which it has no choice), or the name of the GPU.
        threads: of one process, on a CPU.
        coarse: the type of matrix products that may be rounded as coarsely as bfloat16: Muon's
            iterations, and the first pass over all problems. float32, unless the hardware
            multiplies bfloat16. Where it does not, PyTorch converts number by number: on a Zen 3
            Muon's iterations took 323 ms in bfloat16 and 13 ms in float32.
        onednn: whether float32 matrix products go through oneDNN: on AMD's processors with
            AVX-512, of which Intel's MKL, PyTorch's default, uses half the width.
    """

    device: str
    kind: str
    threads: int
    coarse: torch.dtype
    onednn: bool

    def __str__(self) -> str:
        """Such as ``cpu: AVX2, 2 threads``."""
        words = [self.kind]
        if self.device == "cpu":
            words.append(f"{self.threads} thread{'s' if self.threads > 1 else ''}")
        if self.onednn:
            words.append("products by oneDNN")
        return f"{self.device}: {', '.join(words)}"

    def line(self, optimizer: str, compiled: bool) -> str:
        """What a training prints first: ``cpu: AVX2, 2 threads, float32 Muon, compiled``."""
        muon = f"{str(self.coarse).removeprefix('torch.')} Muon"
        name = muon if optimizer == "muon" else "AdamW"
        return f"{self}, {name}, {'compiled' if compiled else 'not compiled'}"


def device_for(accelerator: str) -> torch.device:
    """The device that `runtime.accelerator` asks for, as far as there is one."""
    found = torch.accelerator.current_accelerator() if accelerator != "cpu" else None
    return found if found is not None and torch.accelerator.is_available() else torch.device("cpu")


def coarse_dtype(device: torch.device) -> torch.dtype:
    """See `Hardware.coarse`."""
    if device.type == "cpu":
        can = torch.cpu.get_capabilities()
        fast = _is_wide() and (can.get("avx512_bf16") or can.get("amx_bf16"))
    else:
        # CUDA's cards from Ampere on; of no other accelerator is it known.
        cuda = device.type == "cuda"
        fast = cuda and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if fast else torch.float32


def multiplies_int8(device: torch.device) -> bool:
    """Whether a device is known to multiply int8 faster than float32, as x86 from AVX2 on does."""
    return device.type == "cpu" and torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")


def hardware(device: torch.device) -> Hardware:
    """The hardware of a device."""
    threads, onednn = int(torch.get_num_threads()), False
    if device.type == "cpu":
        kind = torch.backends.cpu.get_cpu_capability()
        threads = min(threads, _allowed_threads())
        can = torch.cpu.get_capabilities()
        # With AMX, what asks for oneDNN would round operands to bfloat16. Without, oneDNN has
        # nothing faster than float32 itself.
        onednn = _is_wide() and "AMD" in can.get("cpu_name", "") and not can.get("amx_tile", True)
    else:
        kind = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return Hardware(device.type, kind, threads, coarse_dtype(device), onednn)


def _is_wide() -> bool:
    # What PyTorch uses: less than the processor has where ATEN_CPU_CAPABILITY says so.
    return bool(torch.backends.cpu.get_cpu_capability() == "AVX512")


def _allowed_threads() -> int:
    """Threads that the container's CPU quota allows; more would wait for each other."""
    if "OMP_NUM_THREADS" in os.environ:
        return int(torch.get_num_threads())
    try:
        quota, period = _QUOTA.read_text().split()
        return max(1, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):
        # No container, no limit ("max"), or another system.
        return int(torch.get_num_threads())
