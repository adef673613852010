"""What a killed sweep has left goes, and nothing else does."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from src.common.errors import UserError
from src.sweep.leftovers import alone, remove_leftovers

HOUR = 3600.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of clones, with one that a kill left."""
    (tmp_path / "clones" / "sweep-a" / "clone" / ".git").mkdir(parents=True)
    (tmp_path / "clones" / "lock").touch()
    return tmp_path / "clones"


def cached(cache: Path, content: bytes, suffix: str = "", name: str = "") -> Path:
    """A file of DVC's cache, with the name of its content where no other is given."""
    digest = name or hashlib.md5(content).hexdigest() + suffix
    path = cache / "files" / "md5" / digest[:2] / digest[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o444)
    return path


def test_one_sweep_at_a_time(folder: Path) -> None:
    with alone(folder) as since:
        assert since == pytest.approx(time.time(), abs=60)
        remove_leftovers(folder, folder / "none", folder / "none", since)
        with pytest.raises(UserError, match=f"process {os.getpid()} runs a sweep"), alone(folder):
            pass
    with alone(folder):
        pass


def test_a_killed_runs_commands_and_clone_go(folder: Path) -> None:
    place = folder / "sweep-a"
    environment = os.environ | {"DVC_SITE_CACHE_DIR": str(place / "site")}
    started = subprocess.Popen(
        ["sh", "-c", "sleep 600 & sleep 600"], cwd=place / "clone", env=environment
    )
    other = subprocess.Popen(["sleep", "600"], cwd=place / "clone")
    while not (children := psutil.Process(started.pid).children()):
        time.sleep(0.01)
    try:
        remove_leftovers(folder, folder / "none", folder / "none", time.time())
        assert started.wait(10) < 0
        assert not psutil.wait_procs(children, timeout=10)[1]
        # Such as a shell that somebody has left there.
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
    assert [path.name for path in folder.iterdir()] == ["lock"]


def test_it_waits_for_the_watcher_of_a_killed_run(folder: Path) -> None:
    lock = folder / "sweep-a" / "lock"
    lock.touch()
    holder = subprocess.Popen(["flock", str(lock), "sleep", "1"])
    time.sleep(0.3)
    began = time.monotonic()
    remove_leftovers(folder, folder / "none", folder / "none", time.time())
    assert time.monotonic() - began > 0.4
    holder.wait()
    assert not (folder / "sweep-a").exists()


def test_what_a_power_cut_left_in_the_cache_goes(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    whole, listing = cached(cache, b"whole"), cached(cache, b"[]", ".dir")
    name = hashlib.md5(b"model").hexdigest()
    empty = cached(cache, b"", name=name)
    # Not of this sweep, and not read again.
    remove_leftovers(folder, cache, tmp_path / "none", time.time() + HOUR)
    assert empty.exists()
    (folder / "sweep-b").mkdir()
    remove_leftovers(folder, cache, tmp_path / "none", time.time() - HOUR)
    assert not empty.exists()
    assert whole.exists()
    assert listing.exists()


def test_an_entry_of_the_run_cache_that_was_cut_off_goes(folder: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    dvc = [sys.executable, "-m", "dvc"]
    for command in (["git", "init", "--quiet"], [*dvc, "init", "--quiet"]):
        subprocess.run(command, cwd=repository, check=True)
    (repository / "number").write_text("1")
    stage = {"cmd": "cp number made; cp number seen", "deps": ["number"], "outs": ["made", "seen"]}
    (repository / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"copy": stage}}))
    subprocess.run([*dvc, "repro", "--quiet"], cwd=repository, check=True)
    cache = repository / ".dvc" / "cache"
    (entry,) = cache.glob("runs/*/*/*")
    whole = entry.read_text()
    for length, stays in ((len(whole), True), (whole.index("- path: seen"), False), (0, False)):
        (folder / "sweep-b").mkdir(exist_ok=True)
        entry.write_text(whole[:length])
        remove_leftovers(folder, cache, tmp_path / "none", time.time() - HOUR)
        assert entry.exists() == stays


def test_half_copied_files_go_when_nobody_can_be_writing_them(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    whole, half = cached(cache, b"whole"), cached(cache, b"ha", name="00.abc.tmp")
    incoming = tmp_path / ".git" / "objects" / "tmp_objdir-incoming-a"
    (incoming / "d7").mkdir(parents=True)
    remove_leftovers(folder, cache, tmp_path / ".git", time.time())
    assert half.exists()
    assert incoming.exists()
    monkeypatch.setattr("src.sweep.leftovers._FILE_SECONDS", -1.0)
    remove_leftovers(folder, cache, tmp_path / ".git", time.time())
    assert not half.exists()
    assert not incoming.exists()
    assert whole.exists()


def test_a_lock_on_an_experiments_name_goes_once_it_is_old(folder: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=b"]
    subprocess.run(["git", "init", "--quiet", str(repository)], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "first"], check=True)
    name = "refs/exps/ab/cd/gpt2-seed0"
    update = [*git, "update-ref", name, "HEAD"]
    lock = repository / ".git" / f"{name}.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    assert subprocess.run(update, capture_output=True, check=False).returncode
    began = time.monotonic()
    remove_leftovers(folder, tmp_path / "none", repository / ".git", time.time())
    assert time.monotonic() - began > 1
    subprocess.run(update, check=True)
