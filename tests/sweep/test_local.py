"""A sweep on this machine: killed again and again it ends with the same bytes."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from ..clone import Clone

pytestmark = pytest.mark.slow

SWEEP = ("python", "-m", "src.sweep", "--jobs", "2")
ARCHITECTURES = ("--models", "gpt2,llama2,mixtral", "--seeds", "0")
TRAINED = "metrics/train.json"
NAMES = ["gpt2-seed0", "llama2-seed0", "mixtral-seed0"]


def started_by(sweep: "subprocess.Popen[str]") -> list[psutil.Process]:
    """The processes of a sweep that live, whatever groups they are in."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == sweep.pid and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def kill_all(sweep: "subprocess.Popen[str]") -> None:
    """As a power cut does: nobody is left to clean up behind another."""
    while processes := started_by(sweep):
        # First none of them may notice the others' death.
        for sent in (signal.SIGSTOP, signal.SIGKILL):
            for process in processes:
                try:
                    process.send_signal(sent)
                except psutil.NoSuchProcess:
                    continue


def results(clone: Clone) -> dict[str, str]:
    """git's hashes of dvc.lock and metrics/ of each experiment."""
    paths = ("dvc.lock", "metrics")
    return {
        f"{name}: {path}": clone("git", "rev-parse", f"{clone.revision(name)}:./{path}")
        for name in NAMES
        for path in paths
    }


def check_nothing_is_left(clone: Clone, sweeps: "list[subprocess.Popen[str]]") -> None:
    assert [path.name for path in (clone.folder / ".dvc" / "tmp" / "sweep").iterdir()] == ["lock"]
    # The watchers end within moments.
    for sweep in sweeps:
        assert not psutil.wait_procs(started_by(sweep), timeout=10)[1]
    assert clone("git", "status", "--porcelain") == ""
    assert not list(clone.folder.rglob(".git/**/*.lock"))
    assert clone("git", "fsck", "--connectivity-only", "--no-dangling") == ""


@pytest.fixture
def larger(tmp_path: Path) -> Clone:
    """The pipeline in a folder of a larger repository."""
    folder = tmp_path / "larger" / "a b"
    folder.mkdir(parents=True)
    clone = Clone(folder)
    shutil.rmtree(folder / ".git")
    clone("git", "init", "--quiet", str(folder.parent))
    clone.commit()
    return clone


def test_what_was_trained_on_other_hardware_is_trained_again(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    # As make repro, with all threads, before make compare, with half of them.
    clone("env", "ATEN_CPU_CAPABILITY=default", "dvc", "repro")
    clone("git", "checkout", "--quiet", ".")
    said = clone(*SWEEP, "--models", "llama2", "--seeds", "0,1")
    assert "run 1 of 2, llama2-seed0, was trained before on other hardware" in said
    assert "llama2-seed1, was trained before" not in said
    metrics = [
        json.loads(clone("git", "show", f"{clone.revision(f'llama2-seed{seed}')}:./{TRAINED}"))
        for seed in (0, 1)
    ]
    assert metrics[0]["hardware"] == metrics[1]["hardware"]
    # And is not once more.
    assert clone(*SWEEP, "--models", "llama2", "--seeds", "0,1").count("finished before") == 2


def test_killed_ten_times_it_ends_as_undisturbed(tmp_path: Path, larger: Clone) -> None:
    began = time.monotonic()
    said = larger(*SWEEP, *ARCHITECTURES)
    undisturbed = time.monotonic() - began
    assert "run 3 of 3, mixtral-seed0, finished" in said
    check_nothing_is_left(larger, [])

    (tmp_path / "killed").mkdir()
    killed = Clone(tmp_path / "killed")
    seed = random.randrange(1000)
    print("seed", seed)
    chance = random.Random(seed)
    sweeps = []
    for _ in range(10):
        sweep = killed.start(*SWEEP, *ARCHITECTURES)
        sweeps.append(sweep)
        time.sleep(chance.uniform(0, undisturbed / 3))
        if chance.random() < 0.5:
            os.killpg(sweep.pid, signal.SIGKILL)
        else:
            kill_all(sweep)
        print(sweep.communicate()[0], f"killed after {time.monotonic() - began:.0f} s", sep="")
    said = killed(*SWEEP, *ARCHITECTURES)
    print(said)
    assert results(killed) == results(larger)
    assert "| mixtral-seed0 | mixtral | 0 |" in larger("python", "-m", "src.compare")
    check_nothing_is_left(killed, sweeps)
    for name in NAMES:
        assert killed(*SWEEP, *ARCHITECTURES).count(f"{name}, finished before\n") == 1
    # Its files are all in the cache.
    killed("dvc", "exp", "apply", "mixtral-seed0")
    assert (killed.folder / "models" / "best.ckpt").stat().st_size > 0


def test_one_fails_the_others_go_on_and_ctrl_c_is_a_line(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    params = (tmp_path / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(params.replace("max_steps: 30", "max_steps: 3000"))
    (tmp_path / "README.md").write_text("no run reads it")
    failing = ("--each", "model=gpt2,models.gpt2.max_seq_len=8")
    command = (*SWEEP, *failing, "--each", "training.max_steps=40,runtime.progress=true")

    sweep = clone.start(*command)
    assert sweep.stdout
    lines = [""]
    # The state of step 10 is there.
    while "step 20 of 40" not in lines[-1]:
        lines.append(sweep.stdout.readline())
        assert sweep.poll() is None, lines
    os.killpg(sweep.pid, signal.SIGINT)
    rest, _ = sweep.communicate(timeout=60)
    assert sweep.returncode == 130
    assert rest.splitlines()[-1] == "error: stopped; the same command goes on from here"
    assert not started_by(sweep)
    assert lines[1] == "params.yaml: changed since the commit; the runs are of the commit\n"

    said = clone(*command, code=1)
    failed = "gpt2-seed0-max_seq_len-8"
    assert f"run 1 of 2, {failed}, failed: runs/sweep/{failed}.log" in said
    assert said.endswith(f"1 failed:\n  {failed}: runs/sweep/{failed}.log\n")
    assert "error: " in (tmp_path / "runs" / "sweep" / f"{failed}.log").read_text()
    trained = "run 2 of 2, llama2-seed0-max_steps-40"
    assert f"{trained}, resumes after step " in said
    assert f"{trained}, step 40 of 40" in said
    assert f"{trained}, finished\n" in said
    assert not list((tmp_path / ".dvc" / "tmp" / "sweep").glob("*/"))

    # Graded otherwise, it is another run of the same name and the same weights.
    graded = (*SWEEP, "--each", "training.max_steps=40", "-S", "evaluation.n_samples=3")
    said = clone(*graded)
    name = "llama2-seed0-max_steps-40"
    assert f"{name}, is there with other parameters, evaluation.n_samples=10; runs again" in said
    assert "Stage 'train' is cached" in (tmp_path / "runs" / "sweep" / f"{name}.log").read_text()
    assert f"{name}, finished before\n" in clone(*graded)
    assert "README.md" not in said
