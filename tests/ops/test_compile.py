"""Compiled training computes the same, resumes to the same bytes, and is optional."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
import yaml
from torch import nn
from torch._inductor.runtime.cache_dir_utils import default_cache_dir

from src.ops import compile
from src.ops.compile import compile_model, compiles_grading, compiles_training

from ..conftest import tiny_params
from ..training.test_resume import Training

LONG = {"max_steps": 4000, "warmup_steps": 5}


def compiled(training: Training) -> Training:
    params = training.folder / "params.yaml"
    content = yaml.safe_load(params.read_text())
    content["runtime"]["compile"] = "on"
    params.write_text(yaml.safe_dump(content))
    return training


def test_auto_compiles_what_is_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile, "_can_compile", lambda what: True)
    assert not compiles_training(tiny_params())
    assert compiles_training(tiny_params(training=LONG))
    assert compiles_training(tiny_params(runtime={"compile": "on"}))
    assert not compiles_training(tiny_params(training=LONG, runtime={"compile": "off"}))
    assert not compiles_grading(tiny_params(), 10_000)
    assert compiles_grading(tiny_params(), 1_000_000)
    assert compiles_grading(tiny_params(runtime={"compile": "on"}), 10_000)
    assert not compiles_grading(tiny_params(runtime={"compile": "off"}), 1_000_000)


def test_a_gpu_gets_graphs_where_each_step_is_one_pass() -> None:
    def how(device: str, **sections: Any) -> Any:
        model = Mock(spec=nn.Module)
        compile_model(model, tiny_params(**sections), torch.device(device))
        return model.compile.call_args.kwargs

    assert how("cuda") == {"dynamic": False, "mode": "reduce-overhead"}
    assert how("cpu") == {"dynamic": False, "options": {"cpp_wrapper": True}}
    plain = {"dynamic": False, "options": {}}
    assert how("cuda", training={"accumulate_grad_batches": 2}) == plain
    assert how("cuda", runtime={"devices": 2}) == plain


def test_compiled_code_is_kept_apart_by_instruction_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def folder(kind: str, given: str | None = None) -> str:
        # PyTorch sets it itself, to its default.
        monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", given or default_cache_dir())
        monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: kind)
        compile._keep_apart()
        return os.environ["TORCHINDUCTOR_CACHE_DIR"]

    assert folder("AVX512") == f"{default_cache_dir()}-AVX512"
    assert folder("NO AVX") == f"{default_cache_dir()}-NO-AVX"
    assert folder("AVX2", "/tmp/mine") == "/tmp/mine"


@pytest.mark.slow
def test_without_a_compiler_one_line_says_so_and_training_goes_on(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", str(tmp_path / "missing"))
    # Nothing that was compiled before.
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    asked, plain = (Training(tmp_path / name, data_dir) for name in ("asked", "plain"))
    lines = [line for line in compiled(asked).finish().splitlines() if "runtime.compile" in line]
    assert len(lines) == 1
    assert lines[0].startswith("runtime.compile: not possible here, training without: ")
    plain.finish()
    assert asked.results() == plain.results()


def check_that_it_compiles(python: str | Path, cache: Path, **environment: str) -> None:
    """In a process of its own, with nothing that was compiled before."""
    code = "from src.ops.compile import _can_compile as can; print(can('training'))"
    variables = os.environ | {"TORCHINDUCTOR_CACHE_DIR": str(cache)} | environment
    done = subprocess.run([str(python), "-c", code], env=variables, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr


@pytest.mark.slow
def test_a_compiler_that_knows_no_vectors_compiles_nevertheless(tmp_path: Path) -> None:
    compiler = tmp_path / "c++"
    compiler.write_text(
        '#!/bin/sh\ncase "$*" in *-mavx*|*-mamx*) echo unknown option >&2; exit 1;; esac\n'
        'exec g++ "$@"\n'
    )
    compiler.chmod(0o755)
    check_that_it_compiles(sys.executable, tmp_path / "cache", CXX=str(compiler))


@pytest.mark.slow
def test_an_environment_in_a_folder_with_a_space_compiles(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    environment = tmp_path / "a b" / ".venv"
    environment.symlink_to(sys.prefix)
    check_that_it_compiles(environment / "bin" / "python", tmp_path / "cache")


def losses(training: Training) -> list[float]:
    """The mean loss of each ten steps."""
    rows = csv.DictReader(training.results()["train.csv"].decode().splitlines())
    return [float(row["loss"]) for row in rows]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "positions"),
    [("gpt2", "sequential"), ("mixtral", "sequential"), ("gpt2", "abacus")],
)
def test_compiled_training_is_the_same_but_for_rounding_and_resumes(
    name: str, positions: str, tmp_path: Path, data_dir: Path
) -> None:
    # A mixture's biases move between compiled passes.
    model: dict[str, Any] = {"dropout": 0.0, "positions": positions, "router_bias_rate": 0.001}
    whole, stopped = (
        compiled(Training(tmp_path / folder, data_dir, name, **model))
        for folder in ("whole", "stopped")
    )
    whole.finish()
    assert stopped.stop(signal.SIGKILL)[0] == -signal.SIGKILL
    assert "resuming" in stopped.finish()
    assert stopped.results() == whole.results()

    plain = Training(tmp_path / "plain", data_dir, name, **model)
    plain.finish()
    assert plain.results() != whole.results()
    if positions == "abacus":
        # Compiled code draws other random numbers from the same seed.
        return
    # Later, a token between two experts may go to either, and the two trainings part.
    for row, (one, other) in enumerate(zip(losses(plain), losses(whole), strict=True)):
        assert other == pytest.approx(one, rel=0.002 if row == 0 else 0.05)
