"""What is typed behind make: refused in a line if it is wrong, and never run by make or a shell."""

import os
import shutil
import subprocess
from math import ceil
from pathlib import Path

import pytest
from dvc.config import Config

from .clone import Clone
from .conftest import ROOT
from .remotes import Existing

NUMBER = "must be a number from 1 to 999"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Existing:
    """A repository with the Makefile and the recipes, in which nothing is installed."""
    folder = tmp_path_factory.mktemp("a b")
    clone = Existing(folder)
    for stamp in (folder / ".venv").glob("installed*"):
        stamp.unlink()
    shutil.copy(ROOT / "Makefile", folder)
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copytree(ROOT / "studies", folder / "studies")
    clone("git", "init", "--quiet")
    return clone


@pytest.mark.parametrize(
    ("target", "value", "reason"),
    [
        ("compare", "JOBS=0", NUMBER),
        ("compare", "JOBS=x", NUMBER),
        ("compare", "JOBS=", NUMBER),
        ("compare", "JOBS=99999999999999999999", NUMBER),
        ("recipes", "JOBS=-1", NUMBER),
        ("ablations", "JOBS=1;touch ran", NUMBER),
        ("compare", "THREADS=0", NUMBER),
        ("recipes", "THREADS=1$(touch ran)", NUMBER),
        ("compare", "SEEDS=-1", "must be whole numbers, such as 0 1 2"),
        ("compare", "SEEDS=0;touch ran", "must be whole numbers"),
        ("compare", "SEEDS=", "must be whole numbers"),
        ("compare", "MODELS=", "names nothing to run"),
        ("compare", "EXHAUSTIVE=maybe", "must be true or false"),
        ("compare", "EXHAUSTIVE='true';touch ran", "must be true or false"),
        ("study", "NAME=", "must be of those in studies/: ablations"),
        ("study", "NAME=nope", "must be of those in studies/"),
        ("study", "NAME=`touch${IFS}ran`", "must be of those in studies/"),
        ("recipes", "RECIPES=", "names nothing to run"),
        ("recipes", "RECIPES=nope", "there is no configs/nope.yaml"),
        ("recipes", "RECIPES=`touch${IFS}ran`", "there is no configs/`touch${IFS}ran`.yaml"),
        ("compare", "REV=nope", "git knows no such commit"),
        ("report", 'REV="$(shell${IFS}touch${IFS}ran)"', "git knows no such commit"),
        ("report", "REV=--all", "git knows no such commit"),
        ("explorer", "REV=--all", "git knows no such commit"),
        ("verify", "QUICK=yes", "must be 1, or left out"),
        ("remote", "URL=store", "must be an absolute folder, or s3://"),
        ("remote", "URL=/%(x)s", "DVC cannot keep control characters, nor what stands in %()s"),
    ],
)
def test_a_wrong_value_is_refused_before_anything_is_installed(
    bare: Existing, target: str, value: str, reason: str
) -> None:
    said, its_own = bare("make", target, value, code=2).splitlines()
    assert said.startswith(f"error: {value}: {reason}")
    assert its_own.startswith("make: *** ")
    assert not (bare.folder / "ran").exists()


def test_a_wrong_endpoint_is_refused(bare: Existing) -> None:
    said, _ = bare("make", "remote", "URL=s3://b", "ENDPOINT=host", code=2).splitlines()
    assert said == "error: ENDPOINT=host: must begin with https:// or http://"


def test_a_wrong_value_is_shown_without_its_control_characters(bare: Existing) -> None:
    said, _ = bare("make", "compare", "REV=\x1b[2J", code=2).splitlines()
    assert said == "error: REV=?[2J: git knows no such commit"
    said, _ = bare("make", "remote", "URL=/x\n\ty", code=2).splitlines()
    assert said.startswith("error: URL=/x??y: DVC cannot keep control characters")


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("/x/cost$store", ""),
        ("/x/a  b#c\"d'e$$f;touch ran`touch ran`", ""),
        ("s3://cost$store/$(touch ran)", "https://host/$x#$$y 'z'"),
    ],
)
def test_a_remote_is_stored_as_it_was_typed(url: str, endpoint: str, tmp_path: Path) -> None:
    (tmp_path / "clone").mkdir()
    clone = Existing(Clone(tmp_path / "clone").folder)
    clone("make", "remote", f"URL={url}", *([f"ENDPOINT={endpoint}"] if endpoint else []))
    store = Config(str(clone.folder / ".dvc"))["remote"]["store"]
    assert (store["url"], store.get("endpointurl", "")) == (url, endpoint)
    assert clone("git", "status", "--porcelain") == ""


def words_of(folder: Path, target: str, *values: str, started: str = "src.sweep") -> list[str]:
    """The words of the command that make starts: in place of Python a script writes its own."""
    (folder / ".venv" / "bin").mkdir(parents=True, exist_ok=True)
    (folder / ".venv" / "installed").touch()
    python = folder / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\nprintf \'%s\\0\' "$@" > "$2"\n')
    python.chmod(0o755)
    outer = {name: text for name, text in os.environ.items() if "MAKE" not in name}
    subprocess.run(["make", target, *values], cwd=folder, env=outer, check=True)
    return (folder / started).read_text().split("\0")[2:-1]


def test_make_starts_the_runs_that_its_variables_name(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    shutil.copytree(ROOT / "configs", folder / "configs")
    for name in ("Makefile", "requirements.txt", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    models = "MODELS= gpt2  $(touch ran);touch ran"
    given = (models, "SEEDS=3 4", "EXHAUSTIVE=true", "JOBS=3", "THREADS=5")
    assert words_of(folder, "compare", *given) == [
        *("--jobs=3", "--cpus-per-run=5", "--models=gpt2  $(touch ran);touch ran", "--seeds=3 4"),
        *("-S", "evaluation.exhaustive=true"),
    ]
    assert (folder / "src.compare").exists()
    assert not (folder / "ran").exists()

    (folder / "studies").mkdir()
    (folder / "studies" / "$(touch ran).yaml").touch()
    words = words_of(folder, "study", "NAME=$(touch ran)", "JOBS=3", started="src.study")
    assert words[0] == "--jobs=3"
    assert words[2] == "studies/$(touch ran).yaml"
    jobs, cpus, study = words_of(folder, "ablations", started="src.study")
    assert (jobs, study) == ("--jobs=2", "studies/ablations.yaml")
    assert int(cpus.removeprefix("--cpus-per-run=")) == ceil((os.cpu_count() or 1) / 2)
    assert not (folder / "ran").exists()


def test_commands_refuse_what_make_leaves_to_them(tmp_path: Path) -> None:
    clone = Existing(Clone(tmp_path).folder)
    for target, value, reason in (
        ("compare", "MODELS=gpt2;touch ran", "--models gpt2;touch: must be of those of params"),
    ):
        said, _ = clone("make", target, value, code=2).splitlines()
        assert said.startswith(f"error: {reason}")
    assert clone("git", "status", "--porcelain") == ""
