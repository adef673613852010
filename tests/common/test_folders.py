"""Folders are written by one process at a time, and get all files or none."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from src.common.errors import UserError
from src.common.folders import claimed, filling, inside, locked

from ..conftest import ROOT, small_disk


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def fill(folder: Path, text: str, error: BaseException | None = None) -> None:
    """Write a, b and z, of which z tells that all are there."""
    with filling(folder / "z") as (new,):
        for name in ("z", "b", "a"):
            (new / name).write_text(text)
        if error:
            raise error


def test_files_appear_together(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    fill(tmp_path, "old")
    with filling(tmp_path / "z") as (new,):
        for name in ("z", "a"):
            (new / name).write_text("new")
        assert files(tmp_path / new.name) == {"z": "new", "a": "new"}
        assert (tmp_path / "z").read_text() == "old"
    assert files(tmp_path) == {"mine": "mine", "a": "new", "b": "old", "z": "new"}


def test_several_folders_are_filled_at_once(tmp_path: Path) -> None:
    with filling(tmp_path / "x" / "z", tmp_path / "y" / "z") as (x, y):
        (x / "z").write_text("1")
        (y / "z").write_text("2")
        (y / "a").write_text("3")
    assert files(tmp_path / "x") == {"z": "1"}
    assert files(tmp_path / "y") == {"z": "2", "a": "3"}


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt(), SystemExit(1)])
def test_an_error_changes_nothing(error: BaseException, tmp_path: Path) -> None:
    fill(tmp_path, "old")
    with pytest.raises(type(error)):
        fill(tmp_path, "new", error)
    assert files(tmp_path) == {"a": "old", "b": "old", "z": "old"}
    with pytest.raises(type(error)):
        fill(tmp_path / "not" / "there", "new", error)
    assert not (tmp_path / "not").exists()


def test_a_folder_in_a_files_place_changes_nothing(tmp_path: Path) -> None:
    fill(tmp_path, "old")
    (tmp_path / "b").unlink()
    (tmp_path / "b").mkdir()
    with pytest.raises(UserError, match="b: is a folder, where a file would be written"):
        fill(tmp_path, "new")
    assert (tmp_path / "a").read_text() == (tmp_path / "z").read_text() == "old"


# Ends with a signal before the rename of the given number.
SIGNAL_AT = """
import os, signal, sys
from pathlib import Path
folder, number, rename_at = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
sys.path.insert(0, sys.argv[4])
from src.common.folders import filling
done, replace = 0, Path.replace
def counting(self, target):
    global done
    if done == rename_at:
        done += 1
        os.kill(os.getpid(), number)
    done += 1
    return replace(self, target)
Path.replace = counting
with filling(folder / "z") as (new,):
    for name in ("z", "b", "a"):
        (new / name).write_text("new")
"""


@pytest.mark.parametrize("rename", [0, 1, 2])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_a_signal_between_renames_leaves_all_files_or_not_the_last(
    sent: signal.Signals, rename: int, tmp_path: Path
) -> None:
    fill(tmp_path, "old")
    command = [sys.executable, "-c", SIGNAL_AT, str(tmp_path), str(int(sent)), str(rename)]
    subprocess.run([*command, str(ROOT)], check=False, capture_output=True)
    there = {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()}
    if sent == signal.SIGINT:
        assert there == {"a": "new", "b": "new", "z": "new"}
        assert len(list(tmp_path.iterdir())) == 3
    else:
        expected = {name: "new" if i < rename else "old" for i, name in enumerate("ab")}
        assert there == expected


def test_a_full_disk_is_named_and_changes_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path, "64k"):
        fill(tmp_path, "old")
        with pytest.raises(OSError, match="No space left on device") as caught:
            fill(tmp_path, "x" * 30_000)
        assert caught.value.filename == str(tmp_path)
        assert files(tmp_path) == {"a": "old", "b": "old", "z": "old"}


def holding(folder: Path, then: str) -> "subprocess.Popen[str]":
    """A process that holds a folder, and says so before it does something more."""
    call = f"""
import os, sys, time
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from src.common.folders import claimed
with claimed(Path(sys.argv[1])):
    {then}
    print("held", flush=True)
    time.sleep(60)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", call, folder], stdout=subprocess.PIPE, text=True, cwd="/"
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_folder_is_held_by_one_process_and_by_any_path(tmp_path: Path) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    link.symlink_to(folder)
    with holding(folder, "pass") as process:
        for path in (folder, link, folder / ".." / "folder"):
            with (
                pytest.raises(UserError, match=rf"^{path}: process {process.pid} writes there; "),
                claimed(path),
            ):
                pass
        assert list(folder.iterdir()) == []
        process.kill()
        process.wait()
        with claimed(folder):
            pass


def test_what_a_killed_process_has_forked_does_not_hold_on(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    with holding(folder, "os.fork() or (os.close(1), time.sleep(30), os._exit(0))") as process:
        process.kill()
        process.wait()
        begin = time.monotonic()
        # The child lets go as soon as the system lets it run.
        while time.monotonic() - begin < 20:
            with suppress(UserError), claimed(folder):
                return
    raise AssertionError


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "/x", "x\x1b", "x\n"])
def test_a_name_leads_nowhere_else(name: str) -> None:
    with pytest.raises(UserError, match="no name for a folder in checkpoints; --out_dir names"):
        inside(Path("checkpoints"), name)


def test_a_folder_that_was_made_goes_if_it_stays_empty(tmp_path: Path) -> None:
    with claimed(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()
    assert list(tmp_path.iterdir()) == []
    with claimed(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "file").touch()
    assert (tmp_path / "a" / "b" / "file").exists()


def test_a_file_is_locked_with_words_of_its_own(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    # What an earlier process has written there is no process.
    lock.write_text("99999")
    with (
        locked(lock, tmp_path, "waits"),
        pytest.raises(UserError, match=f"^{tmp_path}: process {os.getpid()} waits$"),
        locked(lock, tmp_path, "waits"),
    ):
        pass
