"""What a sweep must find before it starts anything."""

import sys
from pathlib import Path

import pytest

from src.common.errors import UserError
from src.sweep.access import closed
from src.sweep.cluster import connected
from src.sweep.elsewhere import missing
from src.sweep.grid import Run
from src.sweep.remotes import find_remotes
from src.sweep.repository import experiments, head, refs_on
from src.sweep.worker import Job

from .conftest import PARAMS, commit_of, git, lock_of


def test_places_are_the_same_from_everywhere(repository: Path) -> None:
    found = find_remotes("hub")
    assert found.git_url == str(repository.with_name("hub.git"))
    assert found.commit == git(repository, "rev-parse", "HEAD")
    clone = repository.with_name("elsewhere") / "clone"
    (clone / ".dvc").mkdir(parents=True)
    (clone / ".dvc" / "config.local").write_text(found.dvc_config)
    from dvc.config import Config

    config = Config(str(clone / ".dvc"))
    assert config["core"]["remote"] == "store"
    assert config["remote"]["store"]["url"] == str(repository / "store")
    assert config["remote"]["store"]["jobs"] == 2


def test_a_commit_below_what_was_pushed_will_do(repository: Path) -> None:
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "second")
    git(repository, "push", "--quiet", "hub", "main")
    git(repository, "switch", "--quiet", "--detach", "HEAD^")
    assert find_remotes("hub").commit == git(repository, "rev-parse", "main^")


def test_each_mistake_is_named(repository: Path) -> None:
    def refused(reason: str, remote: str = "hub") -> None:
        with pytest.raises(UserError, match=reason):
            find_remotes(remote)

    refused("no git remote origin: git remote add origin URL", "origin")
    # No run reads it.
    (repository / "README.md").write_text("second")
    find_remotes("hub")
    (repository / "params.yaml").write_text("model: llama2\n")
    refused("uncommitted changes, such as params.yaml")
    git(repository, "commit", "--quiet", "--all", "--message", "second")
    refused("hub does not have commit .*: git push")
    git(repository, "push", "--quiet", "hub", "main")
    find_remotes("hub")
    config = repository / ".dvc" / "config.local"
    config.write_text("[core]\n    remote = other\n")
    refused("no DVC remote for the runs to push to: make remote URL=")
    config.unlink()
    refused("no DVC remote")
    git(repository, "remote", "add", "gone", str(repository / "nothing"))
    config.write_text("[core]\n    remote = store\n['remote \"store\"']\n    url = /store\n")
    refused("git fetch: .*does not appear to be a git repository", "gone")


def test_what_is_there_is_skipped_and_what_is_only_here_refused(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit = head()
    ref = f"{refs_on(commit)}gpt2-seed0"
    done = commit_of(repository, dvc_lock=lock_of(PARAMS))
    git(repository, "push", "--quiet", "hub", f"{done}:{ref}")
    # An experiment of another commit, and one whose name begins with this one's.
    git(repository, "push", "--quiet", "hub", f"HEAD:refs/exps/12/{'3' * 38}/gpt2-seed1")
    git(repository, "push", "--quiet", "hub", f"HEAD:{ref}-B-99")
    assert experiments("hub", refs_on(commit)).keys() == {"gpt2-seed0", "gpt2-seed0-B-99"}
    runs = [Run("gpt2-seed0", (), PARAMS), Run("gpt2-seed1", (), PARAMS)]
    # As where somebody else has pushed it.
    git(repository, "reflog", "expire", "--expire=now", "--all")
    git(repository, "prune", "--expire=now")
    assert missing(runs, "hub", commit) == (runs[1:], ["gpt2-seed0"])
    assert capsys.readouterr().out == "gpt2-seed0: finished before\n"
    git(repository, "update-ref", ref, done)
    assert missing(runs, "hub", commit) == (runs[1:], [])
    others = [Run("gpt2-seed0", (), PARAMS | {"evaluation": {"n_samples": 8}})]
    with pytest.raises(UserError, match=r"on hub with other parameters, evaluation\.n_samples=9: "):
        missing(others, "hub", commit)
    git(repository, "update-ref", f"{refs_on(commit)}gpt2-seed1", "HEAD")
    with pytest.raises(UserError, match="gpt2-seed1 is here and not on hub: dvc exp push"):
        missing(runs, "hub", commit)


JOB = Job("url", "commit", "refs", "", None, 1, 0)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's variables, which a sweep sets, as they were."""
    for name in (*closed(), "RAY_USAGE_STATS_ENABLED", "RAY_DEDUP_LOGS_SKIP_REGEX"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_without_ray_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install -r requirements-ray\.txt"):
        connected(None, JOB).__enter__()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "auto", "host:99999999", "::"])
def test_a_cluster_that_does_not_answer_is_named(address: str) -> None:
    with pytest.raises(UserError, match=f"no Ray cluster at {address}, which must be HOST:PORT"):
        connected(address, JOB).__enter__()
