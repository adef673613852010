"""PyTorch's settings for a CPU: instruction set, threads, tiny numbers, freed memory."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from .hardware import device_for, hardware

# glibc's names for these options of mallopt(3), and the largest mmap threshold that it documents.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD = -1, -3, 2**25


def use_well(accelerator: str = "cpu") -> None:
    """Change PyTorch's defaults for this process where they make it slow, not less exact.

    Matrix products of float32 go through oneDNN where `hardware` says so; it and MKL, PyTorch's
    default, round each operation to float32. Threads are as many as a container may use.

    Numbers nearer to zero than 1.2e-38 are zero. Strong weight decay takes the weights that a model
    does not use down to there, where a product takes thirty times as long. A thread has this from
    the one that starts it, and PyTorch starts its threads with the first large operation: call this
    before.

    Memory that is freed stays with the process. A training step takes and frees the same blocks
    again and again; to get them from the system anew, page by page, takes longer than to fill them.

    Args:
        accelerator: `runtime.accelerator`. Where that is not the CPU, nothing is changed.
    """
    device = device_for(accelerator)
    if device.type != "cpu":
        return
    here = hardware(device)
    torch.set_num_threads(here.threads)
    torch.set_flush_denormal(True)
    if here.onednn:
        _multiply_by("bf16")
    try:
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    except (AttributeError, OSError, TypeError):
        pass  # Another C library.


def multiplies_by_onednn() -> bool:
    """Whether float32 matrix products go through oneDNN.

    It generates code for each shape of the operands, which takes longer than to multiply them:
    shapes must be few.
    """
    return bool(_matmul().fp32_precision == "bf16")


@contextmanager
def as_by_default() -> Iterator[None]:
    """Context in which float32 matrix products are computed as PyTorch does by default."""
    before = _matmul().fp32_precision
    _multiply_by("none")
    try:
        yield
    finally:
        _multiply_by(before)


def _multiply_by(precision: str) -> None:
    _matmul().fp32_precision = precision


def _matmul() -> Any:
    # PyTorch's types do not know it.
    return torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
