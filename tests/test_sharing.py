"""Runs shared through a remote cache: docs/sharing.md's own commands, against real servers."""

import contextlib
import fcntl
import shutil
from pathlib import Path

import pytest

from .clone import Clone
from .conftest import ARCHITECTURES
from .remotes import PAGE, Existing, documented, setup
from .servers import PASSWORD, serving

UP_TO_DATE = "Data and pipelines are up to date"
# Where DVC says no more, each command in its way.
NO_CAUSE = "unexpected error|failed to push cache|failed to connect to ssh"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new one: a person's keys and settings must not help."""
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True)
    # dvc exp apply wants a name.
    (folder / ".gitconfig").write_text("[user]\nname = test\nemail = test@localhost\n")
    monkeypatch.setenv("HOME", str(folder))
    for name in ("SSH_AUTH_SOCK", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A commit and an experiment of each architecture on it, trained once for all processes."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "trained"
    (folder / "clone").mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            clone = Clone(folder / "clone")
            clone("dvc", "repro")
            clone.commit()
            for name in ARCHITECTURES:
                clone("dvc", "exp", "run", "--name", f"{name}-seed0", "-S", f"model={name}")
                clone("git", "checkout", "--quiet", ".")
            clone("dvc", "checkout")
            (folder / "done").touch()
    return folder / "clone"


@pytest.fixture
def one(trained: Path, tmp_path: Path) -> Existing:
    """The repository that gives, with an empty git repository to give to."""
    shutil.copytree(trained, tmp_path / "one")
    clone = Existing(tmp_path / "one")
    clone("git", "init", "--quiet", "--bare", str(tmp_path / "hub.git"))
    clone("git", "remote", "add", "origin", str(tmp_path / "hub.git"))
    clone("git", "config", "push.autoSetupRemote", "true")
    return clone


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What the servers serve."""
    (tmp_path / "served" / "bucket").mkdir(parents=True)
    return tmp_path / "served"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["local", "s3", "ssh", "http"])
def test_runs_are_taken_and_not_trained_again(
    kind: str, one: Existing, root: Path, home: Path
) -> None:
    with serving(kind, root) as port:
        if kind == "ssh":
            # Not the server that is known: dvc-ssh does not look, and the page says so.
            other = (root / "wrong_key.pub").read_text()
            (home / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{port} {other}")
        one.follow(setup("local" if kind == "http" else kind, root, port))
        assert "files uploaded" in one.follow(documented("git push"))

        folder = root.with_name("two")
        one("git", "clone", "--quiet", str(root.with_name("hub.git")), str(folder))
        two = Existing(folder)
        two.follow(setup(kind, root, port))
        if kind == "ssh":
            # The other way to log in.
            for words in (("--unset", "keyfile"), ("password", PASSWORD)):
                two("dvc", "remote", "modify", "--local", "store", *words)
        said = two.follow(documented("dvc pull"))
    # From here on without a server: all that is needed has come.
    assert UP_TO_DATE in said
    assert "Running stage" not in said

    assert two.results() == one.results(one.revision("mixtral-seed0"))
    assert "Running stage 'evaluate'" in two("dvc", "repro", "--force", "-s", "evaluate")
    assert two.results() == one.results(one.revision("mixtral-seed0"))
    for name in ("gpt2", "llama2"):
        two("dvc", "exp", "apply", f"{name}-seed0")
        assert f"name: {name}" in (folder / "models" / "config.yaml").read_text()
        assert two.results() == one.results(one.revision(f"{name}-seed0"))
    # A training leaves its state there.
    assert not (folder / "runs").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "mistake", "message"),
    [
        ("s3", "secret_access_key wrong", "Forbidden: An error occurred (403)"),
        ("s3", "url s3://missing/path", "The specified bucket does not exist"),
        ("s3", "server down", "Could not connect to the endpoint URL"),
        ("ssh", "keyfile ROOT/wrong_key", "Permission denied for user"),
        ("ssh", "--unset keyfile", NO_CAUSE),
        ("ssh", "server down", "Connect call failed"),
    ],
)
def test_what_fails_says_why_and_leaves_all_as_it_was(
    kind: str, mistake: str, message: str, one: Existing, root: Path
) -> None:
    def fails(*command: str) -> None:
        process = one.start(*command)
        said, _ = process.communicate()
        assert process.returncode
        assert any(part in said for part in messages), said
        assert "Traceback" not in said
        assert one.workspace() == before

    messages = message.split("|")
    for part in messages:
        assert part in PAGE
    before = one.workspace()
    with contextlib.ExitStack() as server:
        right = setup(kind, root, server.enter_context(serving(kind, root)))
        one.follow(right)
        words = mistake.replace("ROOT", str(root)).split()
        mistaken = ("dvc", "remote", "modify", "--local", "store", *words)
        if mistake == "server down":
            server.close()
        else:
            one(*mistaken)
        fails("dvc", "push")
        if mistake != "server down":
            fails("dvc", "exp", "push", "origin", "gpt2-seed0")
            # The experiment's commit has arrived; mended and repeated, its files do.
            one.follow(right)
            assert "files uploaded" in one("dvc", "exp", "push", "origin", "gpt2-seed0")
            one(*mistaken)
        shutil.rmtree(one.folder / ".dvc" / "cache")
        fails("dvc", "pull")


@pytest.mark.slow
def test_what_was_never_pushed_is_named(one: Existing, root: Path) -> None:
    one("git", "push", "--quiet")
    one("git", "push", "--quiet", "origin", "refs/exps/*:refs/exps/*")
    one("git", "clone", "--quiet", str(root.with_name("hub.git")), str(root / "two"))
    two = Existing(root / "two")
    assert "No remote provided and no default remote set" in two("dvc", "pull", code=1)
    two.follow(setup("local", root))
    message = "Some of the cache files do not exist neither locally nor on remote"
    assert message in two("dvc", "pull", code=1)
    # DVC takes this for a success; the page warns.
    assert message in two("dvc", "exp", "pull", "origin", "gpt2-seed0")
    assert two("git", "status", "--porcelain") == ""
