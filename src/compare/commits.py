"""Commits and DVC's experiments on them, read from git's objects and DVC's cache.

DVC's own file system opens the repository anew for each file, which takes a third of a second.
"""

from __future__ import annotations

import json
import subprocess
from functools import cache, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from ..common.errors import UserError
from ..common.files import ROOT

# Where DVC keeps the commit of an experiment: refs/exps/<2 digits>/<38 digits of the commit that it
# started from>/<name>. Its queue has refs of other forms.
_EXPERIMENTS = "refs/exps/"


class MissingFileError(UserError):
    """A file of a run that is neither in git nor in DVC's cache."""


def git(*words: str) -> str:
    """The output of a git command in this repository.

    Raises:
        UserError: with what git says.
    """
    # Without optional locks: one that a kill leaves behind would stop the user's own commands.
    command = ["git", "--no-optional-locks", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise UserError(f"git {words[0]}: {said[0] if said else 'failed'}")
    # Not as text, which would make a new line of a carriage return, a part of a cell.
    return done.stdout.decode()


def full_hash(commit: str) -> str:
    """The 40 digits of a commit that git knows under some name.

    Raises:
        UserError: if it knows none.
    """
    try:
        return git("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}").strip()
    except UserError:
        raise UserError(f"{commit}: git knows no such commit") from None


def experiment_commits() -> dict[str, dict[str, str]]:
    """For each commit that experiments started from, their names and own commits."""
    found: dict[str, dict[str, str]] = {}
    form = "--format=%(objectname) %(refname)"
    for line in git("for-each-ref", form, _EXPERIMENTS).splitlines():
        commit, _, ref = line.partition(" ")
        parts = ref.removeprefix(_EXPERIMENTS).split("/")
        if len(parts) == 3 and len(parts[0] + parts[1]) == 40:
            found.setdefault(parts[0] + parts[1], {})[parts[2]] = commit
    return found


def nearest(experiments: dict[str, dict[str, str]]) -> list[str]:
    """The commits from HEAD back to the nearest one that experiments started from, which is last.

    Args:
        experiments: see `experiment_commits`.

    Raises:
        UserError: if there is none.
    """
    passed = []
    for commit in git("rev-list", "HEAD").split():
        passed.append(commit)
        if experiments.get(commit):
            return passed
    elsewhere = f"; git has some of {', '.join(c[:7] for c in experiments)}" if experiments else ""
    raise UserError(
        f"no experiment of this commit or those before it; make compare runs them{elsewhere}"
    )


def read(commit: str, path: str) -> str:
    """The text of a file as a commit has it, from git, or from DVC's cache where DVC tracks it.

    Raises:
        MissingFileError: if it is in neither.
    """
    text = _text(commit, path)
    if text is None:
        raise MissingFileError(f"{path} is neither in git nor in DVC's cache")
    return text


@lru_cache(maxsize=4096)
def _text(commit: str, path: str) -> str | None:
    text = _in_git(commit, path)
    if text is None:
        file = _in_cache(commit, path)
        text = file.read_bytes().decode() if file else None
    return text


def cached(commit: str, path: str) -> Path:
    """Where DVC's cache has a file, of any content, that DVC tracks.

    Raises:
        MissingFileError: if it is not there.
    """
    file = _in_cache(commit, path)
    if file is None:
        raise MissingFileError(f"{path} is not in DVC's cache; dvc exp pull brings it")
    return file


def listed(commit: str, folder: str) -> list[str]:
    """The names of all files in a folder that is an output; empty if they are not known."""
    digest = output_hash(commit, folder)
    return [str(each["relpath"]) for each in _entries(digest)] if digest else []


def _in_cache(commit: str, path: str) -> Path | None:
    digest = _digest(commit, PurePosixPath(path))
    file = cache_file(digest) if digest else None
    return file if file and file.is_file() else None


def _in_git(commit: str, path: str) -> str | None:
    try:
        # From this folder: the repository may be a part of a larger one.
        return git("show", f"{commit}:./{path}")
    except UserError:
        return None


@lru_cache(maxsize=4096)
def lock(commit: str) -> dict[str, Any]:
    """The stages of a commit's dvc.lock; each value a text. Empty if it has none."""
    # As texts: of the hashes, some would pass for numbers.
    content = yaml.load(_in_git(commit, "dvc.lock") or "stages: {}", yaml.CBaseLoader)
    return dict(content["stages"])


def output_hash(commit: str, path: str) -> str | None:
    """DVC's hash of an output in a commit's dvc.lock; None if no stage has it."""
    outs = (out for stage in lock(commit).values() for out in stage.get("outs", ()))
    return next((out["md5"] for out in outs if out["path"] == path), None)


def _digest(commit: str, path: PurePosixPath) -> str | None:
    """The hash of a file that is an output, or lies in one; None if it is in none."""
    for place in (path, *path.parents):
        digest = output_hash(commit, str(place))
        if digest and place == path:
            return digest
        if digest:
            inside = str(path.relative_to(place))
            entries = _entries(digest)
            return next((each["md5"] for each in entries if each["relpath"] == inside), None)
    return None


def _entries(digest: str) -> list[dict[str, Any]]:
    """The files of a folder that is an output, by its hash; empty if they are not known."""
    listing = cache_file(digest)
    return list(json.loads(listing.read_bytes())) if listing.is_file() else []


def cache_file(digest: str) -> Path:
    """Where DVC's cache has, or would have, the file of a hash."""
    return Path(_cache().oid_to_path(digest))


@cache
def _cache() -> Any:
    # DVC takes a second to import. It knows whether the cache is elsewhere.
    from dvc.repo import Repo

    with Repo(str(ROOT)) as repo:
        return repo.cache.local
