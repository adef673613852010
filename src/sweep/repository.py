"""The git repository: what a run reads of a commit, and the experiments on it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..common.yaml_1_2 import parse_yaml
from ..compare.commits import git, read


def head() -> str:
    """The hash of the commit that is checked out."""
    return git("log", "-1", "--format=%H").strip()


def prefix() -> str:
    """The pipeline's folder in the repository; empty if it is the repository."""
    return git("rev-parse", "--show-prefix").strip()


def refs_on(commit: str) -> str:
    """Prefix of the git refs under which DVC keeps the experiments on a commit."""
    return f"refs/exps/{commit[:2]}/{commit[2:]}/"


@lru_cache(maxsize=16)
def stages(commit: str) -> dict[str, Any]:
    """The stages of a commit's dvc.yaml, by name."""
    return dict(parse_yaml(read(commit, "dvc.yaml"), "dvc.yaml")["stages"])


def inputs(commit: str) -> list[str]:
    """The files and folders that a run of a commit reads, as dvc.yaml names them."""
    named = {dep for stage in stages(commit).values() for dep in stage.get("deps", ())}
    return sorted(named | {"params.yaml", "dvc.yaml", "dvc.lock", ".dvc/config"})


def changed(commit: str, other: str | None = None, without: tuple[str, ...] = ()) -> list[str]:
    """Those of a commit's inputs that are otherwise in another commit, or as they lie here.

    Args:
        other: the other commit; None: the files as they lie in this repository.
        without: inputs that do not matter.
    """
    revisions = [commit, other] if other else [commit]
    paths = [path for path in inputs(commit) if path not in without]
    return git("diff", "--name-only", "--relative", "-z", *revisions, "--", *paths).split("\0")[:-1]


def experiments(repository: str, refs: str) -> dict[str, str]:
    """Commits of the experiments that a repository has, by name.

    Args:
        repository: a remote, or ``.`` for this repository.
        refs: prefix of their git refs, see `refs_on`.

    Raises:
        UserError: if the remote does not answer.
    """
    rows = (line.split() for line in git("ls-remote", repository, f"{refs}*").splitlines())
    return {ref.removeprefix(refs): commit for commit, ref in rows}
