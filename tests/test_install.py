"""The environment: made and found in a folder with a space, and complete."""

import re
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .clone import Clone
from .conftest import ROOT
from .remotes import Existing

# What a machine has without this repository.
BARE = ("env", "PATH=/usr/bin:/bin")


@pytest.fixture
def clone(tmp_path: Path) -> Existing:
    """A clone with this environment, in which nothing counts as installed."""
    folder = tmp_path / "a b"
    folder.mkdir()
    Clone(folder)
    clone = Existing(folder)
    for stamp in (folder / ".venv").glob("installed*"):
        stamp.unlink()
    return clone


def test_make_installs_with_the_environments_own_pip_into_the_clone(
    clone: Existing, tmp_path: Path
) -> None:
    # The first pip of the PATH is none of its business.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pip").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin" / "pip").chmod(0o755)
    before = sorted(tmp_path.iterdir())
    said = clone("env", f"PATH={tmp_path / 'bin'}:/usr/bin:/bin", "make", "install")
    assert said == (
        ".venv/bin/python -m pip --quiet --disable-pip-version-check install "
        "-c constraints.txt -r requirements.txt\ntouch .venv/installed\n"
    )
    assert (clone.folder / ".venv" / "installed").exists()
    assert sorted(tmp_path.iterdir()) == before
    assert clone(*BARE, "make", "install") == "make: Nothing to be done for 'install'.\n"
    # The environment, a link as well, is not for git.
    assert clone("git", "status", "--porcelain", "--untracked-files=all") == ""


def test_every_target_stays_in_the_folder(clone: Existing) -> None:
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for target in targets:
        said = clone(*BARE, "make", "--dry-run", target, "URL=/a b")
        assert str(clone.folder) not in said
    assert clone(*BARE, "make", "--eval", "path:;@echo $$PATH", "path") == (
        f"{clone.folder}/.venv/bin:/usr/bin:/bin\n"
    )


def test_an_index_for_torch_serves_torch_alone(clone: Existing) -> None:
    (torch,) = re.findall(r"^torch==.*$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    index = "https://download.pytorch.org/whl/cpu"
    devices = (ROOT / "docs" / "devices.md").read_text()
    assert f"`pip install {torch} --index-url`" in devices
    for page in (devices, (ROOT / "README.md").read_text()):
        assert f"TORCH_INDEX={index}" in page
    pip = ".venv/bin/python -m pip --quiet --disable-pip-version-check install -c constraints.txt"
    rest = [f"{pip} -r requirements.txt", "touch .venv/installed"]
    for words, first in (
        ([], []),
        ([f"TORCH_INDEX={index}"], [f'{pip} --no-deps --index-url "$TORCH_INDEX" torch']),
    ):
        said = clone("make", "--dry-run", "install", *words)
        assert said.splitlines() == first + rest


@pytest.mark.slow
def test_dvc_finds_the_environment_without_activation(clone: Existing) -> None:
    dvc = (*BARE, ".venv/bin/dvc")
    assert "800 train" in clone(*dvc, "repro", "generate")
    # In a copy of the repository, which has no environment.
    said = clone(*dvc, "exp", "run", "--temp", "-S", "data.n_samples=900", "generate")
    assert "720 train" in said


def named(path: Path) -> set[str]:
    """Packages in a file of requirements or constraints, as pip compares their names."""
    lines = path.read_text().splitlines()
    return {canonicalize_name(line.split("==")[0]) for line in lines if "==" in line}


def test_constraints_pin_all_that_the_requirements_bring() -> None:
    pinned = named(ROOT / "constraints.txt")
    queue = [name for path in ROOT.glob("requirements*.txt") for name in named(path)]
    assert {"pre-commit", "torch"} <= set(queue)
    seen: set[str] = set()
    while queue:
        if (name := queue.pop()) in seen:
            continue
        seen.add(name)
        try:
            needs = [Requirement(text) for text in requires(name) or ()]
        except PackageNotFoundError:
            continue
        queue += [
            canonicalize_name(each.name)
            for each in needs
            if each.marker is None or each.marker.evaluate({"extra": ""})
        ]
    assert seen <= pinned
    # What PyPI's torch brings on Linux; the CPU's build does not say so.
    assert {"cuda-toolkit", "nvidia-cublas", "triton"} <= pinned
    for line in (ROOT / "requirements-dev.txt").read_text().splitlines():
        assert "==" not in line or line.lower() in {
            pin.lower().replace("_", "-") for pin in (ROOT / "constraints.txt").read_text().split()
        }
