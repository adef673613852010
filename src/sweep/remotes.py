"""The git remote and the DVC remote, by which runs on other machines start and return."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..common.errors import UserError
from ..common.files import ROOT
from ..compare.commits import git
from .repository import changed, head


@dataclass(frozen=True)
class Remotes:
    """What a clone on another machine needs to know.

    Attributes:
        commit: HEAD, which the git remote has.
        git_url: address of the git remote; an absolute path if it is a folder.
        dvc_config: content of .dvc/config.local that names the default DVC remote, with its
            credentials.
    """

    commit: str
    git_url: str
    dvc_config: str


def find_remotes(git_remote: str) -> Remotes:
    """The remotes of this repository, once it is sure that a clone of them can run HEAD.

    Args:
        git_remote: name of the git remote, such as ``origin``.

    Raises:
        UserError: for uncommitted changes of what a run reads, a commit that was not pushed, or a
            remote that is missing or does not answer.
    """
    commit = head()
    lacking = changed(commit)
    if lacking:
        raise UserError(f"uncommitted changes, such as {lacking[0]}: a run elsewhere lacks them")
    if git_remote not in git("remote").split():
        raise UserError(f"no git remote {git_remote}: git remote add {git_remote} URL")
    url = git("remote", "get-url", git_remote).strip()
    if ":" not in url:
        url = str((ROOT / Path(url).expanduser()).resolve())
    config = _dvc_config()
    git("fetch", "--quiet", git_remote)
    if not git("for-each-ref", "--contains", commit, f"refs/remotes/{git_remote}"):
        raise UserError(f"{git_remote} does not have commit {commit[:7]}: git push")
    return Remotes(commit, url, config)


def _dvc_config() -> str:
    # DVC takes a second to import; it writes its own files with configobj.
    from configobj import ConfigObj
    from dvc.config import Config

    config = Config(str(ROOT / ".dvc"))
    name = config["core"].get("remote")
    if not name or name not in config["remote"]:
        raise UserError("no DVC remote for the runs to push to: make remote URL=...")
    file = ConfigObj()
    file["core"] = {"remote": name}
    file[f'remote "{name}"'] = {key: str(value) for key, value in config["remote"][name].items()}
    return "\n".join(file.write()) + "\n"
