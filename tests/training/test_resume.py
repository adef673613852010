"""A training that is stopped at any moment ends with the same bytes as one that never was."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from ..conftest import ROOT, small_disk, tiny_params

SNAPSHOTS = [0, 30, 151]
SLOWER = {
    "max_steps": 160,
    "accumulate_grad_batches": 2,
    # No multiple of an epoch, of the accumulation or of the interval between states.
    "val_check_interval": 37.0,
    "patience": 50,
    "learning_rate": 0.01,
    # Kept on the way: they must survive a stop, or be made again.
    "snapshots": SNAPSHOTS,
}


def _as_in_a_terminal() -> None:
    # A shell's background job ignores Ctrl-C, one of nohup SIGHUP, and so would what they start.
    for sent in (signal.SIGINT, signal.SIGHUP):
        signal.signal(sent, signal.SIG_DFL)


class Training:
    """``python -m src.train`` in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        data_dir: Path,
        name: str = "llama2",
        workers: int = 0,
        **model: Any,
    ) -> None:
        self.folder = folder
        folder.mkdir()
        runtime = {"checkpoint_every_n_steps": 7, "num_workers": workers}
        model = {"dropout": 0.1} | model
        params = tiny_params(name, models=model, training=SLOWER, runtime=runtime)
        (folder / "params.yaml").write_text(yaml.safe_dump(params.model_dump()))
        self.command = [sys.executable, "-m", "src.train", "--config", "params.yaml"]
        self.command += ["--data_dir", str(data_dir)]

    def start(self) -> "subprocess.Popen[str]":
        environment = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        return subprocess.Popen(
            self.command,
            cwd=self.folder,
            env={k: v for k, v in os.environ.items() if k != "DVC_ROOT"} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=_as_in_a_terminal,
        )

    def finish(self, code: int = 0) -> str:
        process = self.start()
        output, _ = process.communicate(timeout=300)
        assert process.returncode == code, output
        return output

    def states(self) -> list[Path]:
        return sorted(self.folder.glob("runs/*/progress-*.ckpt"))

    def stop(self, sent: signal.Signals, delay: float = 0.0) -> tuple[int, str]:
        """Start, and send a signal once the training has come further than before."""
        before, process = self.states(), self.start()
        while process.poll() is None and (self.states() == before or not self.states()):
            time.sleep(0.01)
        time.sleep(delay)
        os.killpg(process.pid, sent)
        output, _ = process.communicate(timeout=60)
        return process.returncode, output

    def results(self) -> dict[str, bytes]:
        files = sorted(self.folder.glob("checkpoints/params/*"))
        return {p.name: p.read_bytes() for p in files}


Results = dict[str, bytes]


@pytest.fixture(scope="session")
def uninterrupted(
    tmp_path_factory: pytest.TempPathFactory, data_dir: Path
) -> Callable[[str], Results]:
    """What an architecture's training leaves when nothing stops it."""

    @cache
    def run(name: str) -> Results:
        training = Training(tmp_path_factory.mktemp(name) / "run", data_dir, name)
        training.finish()
        results = training.results()
        assert len(results) == 7 + len(SNAPSHOTS)
        return results

    return run


@pytest.mark.slow
@pytest.mark.parametrize(("name", "workers"), [("gpt2", 0), ("llama2", 1), ("mixtral", 2)])
def test_killed_five_times_the_training_ends_with_the_same_bytes(
    name: str,
    workers: int,
    tmp_path: Path,
    data_dir: Path,
    uninterrupted: Callable[[str], Results],
) -> None:
    seed = random.randrange(10**6)
    print(f"delays drawn with seed {seed}")
    delays = random.Random(seed)
    training = Training(tmp_path / "run", data_dir, name, workers)
    steps = []
    for attempt in range(5):
        code, output = training.stop(signal.SIGKILL, delays.uniform(0, 0.15))
        assert code == -signal.SIGKILL, output
        assert ("resuming after step" in output) == (attempt > 0)
        steps.append(training.states()[-1].name)
        assert not training.results()
    assert steps == sorted(steps)
    assert "resuming after step" in training.finish()
    assert training.results() == uninterrupted(name)
    # A finished run cleans up after itself: what is left are the locks, of the run and of the
    # folder that it writes to.
    assert {p.name for p in training.folder.glob("runs/*/*")} == {"lock"}


@pytest.mark.slow
def test_biases_of_the_router_go_on_where_they_were(tmp_path: Path, data_dir: Path) -> None:
    whole, stopped = (
        Training(tmp_path / folder, data_dir, "mixtral", router_bias_rate=0.001)
        for folder in ("whole", "stopped")
    )
    whole.finish()
    assert stopped.stop(signal.SIGKILL)[0] == -signal.SIGKILL
    assert "resuming" in stopped.finish()
    assert stopped.results() == whole.results()


@pytest.mark.slow
def test_positions_that_are_drawn_at_random_are_drawn_again(tmp_path: Path, data_dir: Path) -> None:
    random_only: dict[str, Any] = {"positions": "abacus", "dropout": 0.0}
    whole, stopped = (
        Training(tmp_path / folder, data_dir, **random_only) for folder in ("whole", "stopped")
    )
    whole.finish()
    assert stopped.stop(signal.SIGKILL)[0] == -signal.SIGKILL
    assert "resuming" in stopped.finish()
    assert stopped.results() == whole.results()


# What a shell reports of a command that cleans up, and what the system does of one that cannot.
SIGNALS = {
    signal.SIGINT: 130,
    signal.SIGTERM: 143,
    signal.SIGHUP: 129,
    **{
        sent: -sent
        for sent in (
            *(signal.SIGKILL, signal.SIGQUIT, signal.SIGABRT),
            *(signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2),
        )
    },
}


@pytest.mark.slow
def test_no_signal_is_success_and_after_nine_the_training_ends_with_the_same_bytes(
    tmp_path: Path, data_dir: Path, uninterrupted: Callable[[str], Results]
) -> None:
    training = Training(tmp_path / "run", data_dir)
    for sent, code in SIGNALS.items():
        ended, output = training.stop(sent)
        assert ended == code, output
        assert not training.results()
    training.finish()
    assert training.results() == uninterrupted("llama2")


@pytest.mark.slow
def test_a_damaged_state_is_set_aside_and_the_one_before_it_used(
    tmp_path: Path, data_dir: Path, uninterrupted: Callable[[str], Results]
) -> None:
    training = Training(tmp_path / "run", data_dir)
    for _ in range(2):
        training.stop(signal.SIGKILL)
    older, newer = training.states()
    content = bytearray(newer.read_bytes())
    content[len(content) // 2] ^= 1
    newer.write_bytes(content)
    output = training.finish()
    assert f"{newer.name} is damaged; set aside as {newer.stem}.damaged" in output
    assert older.name in output
    assert training.results() == uninterrupted("llama2")


@pytest.mark.slow
def test_a_second_trainer_is_refused_with_the_process_id_of_the_first(
    tmp_path: Path, data_dir: Path
) -> None:
    training = Training(tmp_path / "run", data_dir)
    first = training.start()
    while not training.states():
        time.sleep(0.01)
        assert first.poll() is None
    first.send_signal(signal.SIGSTOP)
    # Into the same folder, and of the same run into another one.
    output = training.finish(code=2)
    assert output == (
        f"error: checkpoints/params: process {first.pid} writes there; wait, or name another "
        "folder\n"
    )
    training.command += ["--out_dir", "other"]
    output = training.finish(code=2)
    assert f"process {first.pid} is training this run" in output
    assert len(output.splitlines()) == 1
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path, data_dir: Path) -> None:
    training = Training(tmp_path / "run", data_dir)
    with small_disk(training.folder / "runs", "400k"):
        *_, last = training.finish(code=2).splitlines()
        # The file that no longer fitted, which one depends on the sizes.
        assert last.startswith("error: ")
        assert "runs/llama2-" in last
        assert last.endswith("No space left on device")
        assert not training.results()


def test_a_place_that_cannot_be_written_is_refused_before_training(
    tmp_path: Path, data_dir: Path
) -> None:
    training = Training(tmp_path / "run", data_dir)
    (training.folder / "checkpoints").write_text("a file where the folder should be")
    output = training.finish(code=2)
    assert output.startswith("error: ")
    assert output.endswith("/checkpoints: Not a directory\n")
    assert len(output.splitlines()) == 1
    assert (training.folder / "checkpoints").read_text() == "a file where the folder should be"
