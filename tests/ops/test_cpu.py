"""What is changed on a CPU: faster products that are as exact, and memory that stays."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from src.ops import cpu

from ..conftest import ROOT, tiny_params
from .test_hardware import PROCESSORS, processor


@pytest.mark.parametrize(
    "shapes", [((832, 128), (128, 344)), ((344, 832), (832, 128)), ((512, 13, 16), (512, 16, 13))]
)
def test_products_stay_exact(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    """On whatever machine this runs; operands rounded to bfloat16 would be off by 3e-3."""
    cpu.use_well()
    a, b = (torch.randn(shape, generator=torch.Generator().manual_seed(0)) for shape in shapes)
    exact = a.double() @ b.double()
    assert (a @ b - exact).norm() < 1e-6 * exact.norm()


@pytest.mark.parametrize("name", PROCESSORS)
def test_onednn_multiplies_where_the_hardware_says_so(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    _, onednn = processor(monkeypatch, name)
    cpu.use_well()
    assert cpu.multiplies_by_onednn() == onednn
    with cpu.as_by_default():
        assert not cpu.multiplies_by_onednn()
    assert cpu.multiplies_by_onednn() == onednn


def test_nothing_changes_beside_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    processor(monkeypatch, "Zen 4")
    monkeypatch.setattr("torch.accelerator.is_available", lambda: True)
    gpu = torch.device("cuda")
    monkeypatch.setattr("torch.accelerator.current_accelerator", lambda: gpu)
    cpu.use_well("auto")
    assert not cpu.multiplies_by_onednn()
    cpu.use_well("cpu")
    assert cpu.multiplies_by_onednn()


def test_threads_are_those_that_the_hardware_has(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr("torch.get_num_threads", lambda: 1)
    monkeypatch.setattr("torch.set_num_threads", asked.append)
    cpu.use_well()
    assert asked == [1]


# Half of the rows are each thread's.
THREADS = """
import sys, torch
torch.set_num_threads(2)
exec(sys.argv[1])
product = torch.full((2000, 2000), 1e-30) * torch.full((2000, 2000), 1e-10)
print(torch.get_num_threads(), (product != 0).any(1).sum().item())
"""


def rows_that_are_not_zero(before: str, folder: Path | None = None) -> str:
    """Of products too small for float32's usual precision, after some code."""
    environment = os.environ | {"OMP_NUM_THREADS": "2", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", THREADS, before]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, check=True, text=True
    )
    return done.stdout.splitlines()[-1]


def test_numbers_near_zero_are_zero_in_all_threads() -> None:
    assert rows_that_are_not_zero("") == "2 2000"
    assert rows_that_are_not_zero("from src.ops import cpu; cpu.use_well()") == "2 0"


@pytest.mark.slow
def test_a_compiled_training_has_it_in_all_threads(tmp_path: Path) -> None:
    content = tiny_params(runtime={"compile": "on"}).model_dump()
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(content))
    flags = ["--config", "tiny.yaml", "--data_dir", "data"]
    train = f"""
from src import data_gen, train
data_gen.main(["--config", "tiny.yaml", "--out_dir", "data"])
train.main({flags})
"""
    assert rows_that_are_not_zero(train, tmp_path) == "2 0"


def test_another_c_library_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    cpu.use_well()


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="not glibc")
def test_memory_that_is_freed_stays() -> None:
    script = """
import sys, torch
from pathlib import Path
from src.ops import cpu

def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096

if sys.argv[1] == "well":
    cpu.use_well()
block = torch.ones(2**22)
held = resident()
del block
print(held - resident())
"""

    def given_back(how: str) -> Any:
        command = [sys.executable, "-c", script, how]
        return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)

    assert given_back("well") < 2**20
    assert given_back("default") > 15 * 2**20
