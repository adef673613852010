"""A small repository with a pipeline, in place of ours."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from src.compare import commits
from src.sweep import remotes

DVC_YAML = """
stages:
  train: {cmd: run, deps: [code], params: [model, training], outs: [models]}
  evaluate: {cmd: run, deps: [code, models], params: [evaluation]}
"""
PARAMS = {"model": "gpt2", "training": {"seed": 0}, "evaluation": {"n_samples": 9}, "runtime": {}}


def git(folder: Path, *words: str) -> str:
    """A git command's output, without the line's end."""
    identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    done = subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def lock_of(params: dict[str, Any], graded: str = "b") -> str:
    """The dvc.lock of a run with parameters.

    Args:
        graded: hash of the model that was evaluated; that of the trained one is b.
    """
    train = {
        "params": {"params.yaml": {key: params[key] for key in ("model", "training")}},
        "outs": [{"path": "models", "md5": "b"}],
    }
    evaluate = {
        "params": {"params.yaml": {"evaluation": params["evaluation"]}},
        "deps": [{"path": "models", "md5": graded}],
    }
    return yaml.safe_dump({"stages": {"train": train, "evaluate": evaluate}})


def commit_of(folder: Path, **files: str) -> str:
    """A commit behind HEAD with files of other content, which only its hash leads to."""
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content)
    git(folder, "add", "--all")
    tree = git(folder, "write-tree")
    commit = git(folder, "commit-tree", "-p", "HEAD", "-m", "experiment", tree)
    git(folder, "reset", "--quiet", "--hard")
    return commit


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with everything that a sweep needs."""
    folder = tmp_path / "repository"
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc" / ".gitignore").write_text("/config.local\n")
    (folder / ".dvc" / "config").write_text("")
    (folder / "code").write_text("first")
    (folder / "README.md").write_text("first")
    (folder / "dvc.yaml").write_text(DVC_YAML)
    (folder / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "first")
    git(folder, "init", "--quiet", "--bare", "../hub.git")
    git(folder, "remote", "add", "hub", "../hub.git")
    git(folder, "push", "--quiet", "hub", "main")
    (folder / ".dvc" / "config.local").write_text(
        "[core]\n    remote = store\n['remote \"store\"']\n    url = ../store\n    jobs = 2\n"
    )
    for module in (remotes, commits):
        monkeypatch.setattr(module, "ROOT", folder)
    return folder
