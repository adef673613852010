"""Where runs on other machines start from and come back to: the git remote and the DVC remote."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..common.errors import UserError
from ..common.files import ROOT


@dataclass(frozen=True)
class Remotes:
    """What a clone elsewhere needs to know.

    Attributes:
        commit: HEAD, which the git remote has.
        git_url: where that is; a folder absolute.
        dvc_config: the default DVC remote with its credentials, as .dvc/config.local has it.
    """

    commit: str
    git_url: str
    dvc_config: str

    @property
    def refs(self) -> str:
        """Where git keeps the experiments on the commit, by DVC's convention."""
        return f"refs/exps/{self.commit[:2]}/{self.commit[2:]}/"


def find_remotes(git_remote: str) -> Remotes:
    """What this repository says of them.

    Args:
        git_remote: its name.

    Raises:
        UserError: for uncommitted changes, a commit that was not pushed, or a remote that is
            missing or does not answer.
    """
    changed = _git("status", "--porcelain", "--untracked-files=no").splitlines()
    if changed:
        raise UserError(
            f"uncommitted changes, such as {changed[0][3:]}: a run elsewhere lacks them"
        )
    if git_remote not in _git("remote").split():
        raise UserError(f"no git remote {git_remote}: git remote add {git_remote} URL")
    url = _git("remote", "get-url", git_remote).strip()
    if ":" not in url:
        url = str((ROOT / Path(url).expanduser()).resolve())
    config = _dvc_config()
    _git("fetch", "--quiet", git_remote)
    commit = _git("rev-parse", "HEAD").strip()
    if not _git("for-each-ref", "--contains", commit, f"refs/remotes/{git_remote}"):
        raise UserError(f"{git_remote} does not have commit {commit[:7]}: git push")
    return Remotes(commit, url, config)


def _dvc_config() -> str:
    # A second to import; configobj is what DVC writes its files with.
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


def experiments(place: str, refs: str) -> dict[str, str]:
    """Name and commit of those that a repository has.

    Args:
        place: a remote, or ``.`` for this repository.
        refs: where they are kept.

    Raises:
        UserError: if the remote does not answer.
    """
    rows = (line.split() for line in _git("ls-remote", place, f"{refs}*").splitlines())
    return {ref.removeprefix(refs): commit for commit, ref in rows}


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"git {words[0]}: {done.stderr.strip() or 'failed'}")
    return done.stdout
