"""When torch.compile is used, and how: where it pays and the machine can do it."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..config import Params
from ..terminal.say import note

# Where PyTorch keeps compiled code.
_CACHE = "TORCHINDUCTOR_CACHE_DIR"
# Compiling takes up to half a minute on two cores, which so many training steps win back ..
_STEPS = 2000
# .. and so many graded problems.
_PROBLEMS = 400_000
# The instruction sets of which inductor may use one, as options of a compiler.
_VECTORS = (
    "-mavx2 -mfma -mf16c -mavx512f -mavx512dq -mavx512vl -mavx512bw -mavx512vnni -mavx512bf16 "
    "-mamx-tile -mamx-int8 -mamx-bf16"
)


def compiles_training(params: Params) -> bool:
    """Whether `runtime.compile` and the machine ask for a compiled training step.

    The answer depends on the parameters and the machine, not on how far a run has come: one that
    is resumed computes as it began.
    """
    steps = params.training.max_steps * params.training.accumulate_grad_batches
    return _compiles(params, steps >= _STEPS, "training")


def compile_model(model: nn.Module, params: Params, device: torch.device) -> None:
    """Have a model's forward and backward passes compiled, at their first call.

    As a whole: block by block takes less to compile, and a tenth more for each step. The kernels
    of a GPU are launched together, as CUDA graphs: one by one, those of a small model are done
    before Python has launched the next.
    """
    # A CUDA graph overwrites the gradients of the pass before, which accumulation still needs. With
    # DDP it was not tried.
    alone = params.training.accumulate_grad_batches == 1 and params.runtime.processes == 1
    if device.type == "cuda" and alone:
        model.compile(dynamic=False, mode="reduce-overhead")
    else:
        model.compile(dynamic=False, options=options(device))


def options(device: torch.device) -> dict[str, Any]:
    """Inductor's: on a CPU, all kernels of a pass and what calls them are one file of C++.

    One by one, each of some forty would read the same headers, and Python call it: a third more of
    the processor's time to compile, and a fiftieth more for each step.
    """
    return {"cpp_wrapper": True} if device.type == "cpu" else {}


def compiles_grading(params: Params, problems: int) -> bool:
    """Whether to compile the grading of `problems` problems."""
    return _compiles(params, problems >= _PROBLEMS, "grading")


def _compiles(params: Params, pays: bool, what: str) -> bool:
    wanted = params.runtime.compile
    return (wanted == "on" or (wanted == "auto" and pays)) and _can_compile(what)


def _can_compile(what: str) -> bool:
    """Whether compiling works here: a compiler may be missing, or the headers that it needs."""
    # A second to import: only where something is compiled.
    from torch._inductor import config as inductor
    from torch.utils import cpp_extension

    _keep_apart()
    if inductor.cpp.vec_isa_ok is None and _knows_vectors():
        # It would compile a trial for each of the processor's instruction sets, and start a Python
        # to load it: six seconds on two cores, before the first step of a first run.
        inductor.cpp.vec_isa_ok = True
    # PyTorch 2.13 quotes the folders of its headers, and not that of its libraries: where the path
    # has a space, the linker would not find them.
    libraries = Path(torch.__file__).parent / "lib"
    cpp_extension.TORCH_LIB_PATH = shlex.quote(str(libraries))
    try:
        here = torch.device("cpu")
        torch.compile(lambda x: x + 1, options=options(here))(torch.zeros(2, device=here))
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        note(f"runtime.compile: not possible here, {what} without: {reason}")
        return False
    return True


def _keep_apart() -> None:
    """Keep compiled code in a folder of its own for each instruction set.

    PyTorch's cache does not know that ATEN_CPU_CAPABILITY holds it to another one, and what was
    made for wider registers reads past the end of what it is given.
    """
    from torch._inductor.runtime.cache_dir_utils import default_cache_dir

    if os.environ.get(_CACHE, default_cache_dir()) == default_cache_dir():
        kind = torch.backends.cpu.get_cpu_capability().replace(" ", "-")
        os.environ[_CACHE] = f"{default_cache_dir()}-{kind}"


def _knows_vectors() -> bool:
    """Whether the compiler accepts the options of every instruction set that inductor may use."""
    command = [os.environ.get("CXX", "g++"), *_VECTORS.split(), "-E", "-x", "c++", os.devnull]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False
