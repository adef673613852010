"""What several test modules share: tiny configurations and a tiny data set."""

import csv
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings

from src.config import ModelConfig, Params
from src.data.records import Record, to_line
from src.data_gen import write
from src.ops import cpu
from src.params import load_params

# Each test process has one core's worth of work; more threads only wait for each other.
torch.set_num_threads(1)

# A busy machine is no finding: the properties are about results, not about time.
settings.register_profile("any speed", deadline=None)
settings.load_profile("any speed")

ROOT = Path(__file__).parent.parent

ARCHITECTURES = ("gpt2", "llama2", "mixtral")

TINY_MODEL = {
    "d_model": 32,
    "n_heads": 2,
    "n_layers": 2,
    "d_ff": 48,
    "max_seq_len": 24,
    # New weights are tested too: their blocks are to compute something.
    "zero_init_residual": False,
}
TINY_DATA = {"A": 0, "B": 99, "n_samples": 1000, "val_fraction": 0.1, "test_fraction": 0.1}
TINY_TRAINING = {
    # A longer memory than the default's: it averages what is rounded otherwise in a compiled step,
    # or in another number of processes.
    "momentum": 0.95,
    "batch_size": 32,
    "max_steps": 30,
    "warmup_steps": 5,
    "val_check_interval": 10.0,
    "log_every_n_steps": 10,
    "n_samples": 3,
}
QUIET = {"logger": "none", "progress": False, "accelerator": "cpu", "checkpoint_every_n_steps": 10}


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a file with a header, all values as they are written."""
    return list(csv.DictReader(path.read_text().splitlines()))


def write_records(path: Path, records: Sequence[Record]) -> None:
    """A split of any records, right or wrong."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(map(to_line, records)))


def tiny_params(model: str = "llama2", **sections: Mapping[str, Any]) -> Params:
    """params.yaml made small; sections change it further, `models` the entry in use."""
    content = load_params().model_dump()
    content["model"] = model
    changes: dict[str, Mapping[str, Any]] = {
        "data": TINY_DATA,
        "training": TINY_TRAINING,
        "evaluation": {},
        "runtime": QUIET,
    }
    for section, values in changes.items():
        content[section] |= {**values, **sections.get(section, {})}
    content["models"][model] |= {**TINY_MODEL, **sections.get("models", {})}
    return Params.model_validate(content)


def tiny_model(model: str = "llama2", **changes: Any) -> ModelConfig:
    """The entry of `models:` made small."""
    return tiny_params(model, models=changes).model_config_in_use


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A folder as a file system of its own, of a size such as 64k."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system is not permitted here")
    try:
        yield
    finally:
        # Lazily, as a logger may still have a file open.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(autouse=True)
def products_as_by_default() -> Iterator[None]:
    """A training in this process would have all tests behind it round in another way."""
    with cpu.as_by_default():
        yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All splits of the tiny data."""
    folder = tmp_path_factory.mktemp("data")
    write(tiny_params().data, folder)
    return folder


@pytest.fixture
def randomise() -> Callable[[torch.nn.Module], None]:
    """Weights large enough that logits differ clearly, norms and biases included."""

    def fill(model: torch.nn.Module) -> None:
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in model.parameters():
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.add_(0.2 * noise)

    return fill
