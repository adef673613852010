"""Signals that ask a command to end: it cleans up, says so in a line, and ends as in a shell."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ..conftest import ROOT

# Writes a file for ever, and says when it has begun; then again where that is all it cleans up.
WRITE = """
import os, time
from pathlib import Path
from src.common.files import open_replacing
from src.terminal import cli

def main():
    {before}
    try:
        with open_replacing(Path("new/file")) as file:
            file.write("half")
            print("begun", flush=True)
            time.sleep(60)
    finally:
        {after}

cli.run(main)
"""


def start(cwd: Path, before: str = "pass", after: str = "pass") -> "subprocess.Popen[str]":
    """The command, once it writes."""
    return begun(cwd, WRITE.format(before=before, after=after))


def begun(cwd: Path, script: str) -> "subprocess.Popen[str]":
    """A script that imports from its folder, once it says that it has begun."""
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": f"{cwd}{os.pathsep}{ROOT}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job ignores Ctrl-C, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_command_that_is_asked_to_end_leaves_nothing(
    sent: signal.Signals, code: int, tmp_path: Path
) -> None:
    process = start(tmp_path)
    process.send_signal(sent)
    assert process.communicate(timeout=60) == ("", f"error: stopped by {sent.name}\n")
    assert process.returncode == code
    assert list(tmp_path.iterdir()) == []


def test_a_second_signal_does_not_end_the_cleaning_up(tmp_path: Path) -> None:
    process = start(tmp_path, after="time.sleep(0.5); Path('cleaned').touch()")
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode in (143, 129)
    assert [path.name for path in tmp_path.iterdir()] == ["cleaned"]


def test_an_error_that_follows_from_the_signal_is_not_told(tmp_path: Path) -> None:
    process = start(tmp_path, after="raise RuntimeError('a worker was ended too')")
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60) == ("", "error: stopped by SIGTERM\n")
    assert process.returncode == 143


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_import_comes_to_its_end_first(sent: signal.Signals, tmp_path: Path) -> None:
    # An exception in the middle of torch's import aborts the process.
    (tmp_path / "heavy.py").write_text(
        "import time; print('begun', flush=True); time.sleep(0.5); open('imported', 'w').close()"
    )
    script = "import time; from src.terminal import cli; "
    script += "cli.run(lambda: __import__('heavy') and time.sleep(60))"
    process = begun(tmp_path, script)
    process.send_signal(sent)
    said = "stopped" if sent is signal.SIGINT else "stopped by SIGTERM"
    assert process.communicate(timeout=60) == ("", f"error: {said}\n")
    assert process.returncode == 128 + sent
    assert (tmp_path / "imported").exists()


def test_a_child_that_was_forked_ends_without_a_word(tmp_path: Path) -> None:
    # Python forgets a signal that comes while it forks.
    fork = "child = os.fork(); time.sleep(0.3 if child else 60); os.kill(child, {}); "
    fork += "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    for sent in (signal.SIGTERM, signal.SIGHUP):
        script = f"import os, time; from src.terminal import cli; cli.run(lambda: exec({fork!r}))"
        done = subprocess.run(
            [sys.executable, "-c", script.format(sent.value)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.stdout, done.stderr) == (f"-{sent.value}\n", "")


def test_a_signal_that_could_not_be_raised_comes_again(tmp_path: Path) -> None:
    # As while Python forks, or collects what is left of an object.
    wait = "lambda _: print('begun', flush=True) or time.sleep(0.5)"
    process = start(tmp_path, before=f"type('Left', (), {{'__del__': {wait}}})()")
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60)[1] == "error: stopped by SIGTERM\n"
    assert process.returncode == 143
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_went_on_after_a_signal_has_not_succeeded(tmp_path: Path) -> None:
    process = start(tmp_path, after="return")
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60) == ("", "error: stopped by SIGTERM\n")
    assert process.returncode == 143


def test_a_generator_that_was_left_half_way_cleans_up_before_the_error_is_told() -> None:
    script = """
import sys
from src.common.errors import UserError
from src.terminal import cli

def parts():
    try:
        yield 1
    finally:
        # While Python ends, its modules are empty.
        print("cleaned", UserError.__name__, file=sys.stderr, flush=True)

def main():
    left = parts()
    next(left)
    raise UserError("full")

cli.run(main)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == "cleaned UserError\nerror: full\n"


def test_who_came_to_ignore_ctrl_c_is_ended_by_others(tmp_path: Path) -> None:
    # As the processes of a training beside the first one.
    before = "__import__('signal').signal(2, __import__('signal').SIG_IGN)"
    process = start(tmp_path, before=before)
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=0.5)
    process.kill()
    process.communicate()


def test_what_nohup_ignores_stays_ignored(tmp_path: Path) -> None:
    line = 'trap \'\' HUP; exec "$0" -c "$1"'
    script = "import signal; from src.terminal import cli; "
    script += "cli.run(lambda: print(signal.getsignal(signal.SIGHUP).name))"
    done = subprocess.run(
        ["bash", "-c", line, sys.executable, script], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout == "SIG_IGN\n"
