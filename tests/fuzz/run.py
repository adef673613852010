"""Many inputs given to a reader, in a process that may hang or die."""

from __future__ import annotations

import faulthandler
import gc
import multiprocessing
import os
import random
import shutil
import signal
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from .reader import Reader
from .trial import FAILURES, HANG, MEMORY, READ, UNCAUGHT, Outcome, limit_memory, outcome

# In memory, where that is a file system.
_PLACE = "/dev/shm" if Path("/dev/shm").is_dir() else None
# Seconds that a process may take to begin.
_START = 300
# How many times the seconds of the processor may pass on a clock: the machine may be busy.
_PATIENCE = 8


@dataclass(frozen=True)
class Plan:
    """What is to be done with one reader.

    Attributes:
        name: the reader's.
        first, last: numbers of the inputs, from first up to last - 1.
        seconds: of the processor; an input that takes more hangs.
        keep: folder for the inputs that fail.
    """

    name: str
    reader: Reader
    seed: int
    first: int
    last: int
    seconds: float
    keep: Path | None = None


@dataclass
class Result:
    """What became of a reader's inputs.

    Attributes:
        counts: of each kind of `Outcome`.
        failures: those of each kind and place: how often, the first one's number and trace.
    """

    counts: Counter[str] = field(default_factory=Counter)
    failures: dict[tuple[str, str], tuple[int, int, str]] = field(default_factory=dict)

    def add(self, number: int, found: Outcome) -> None:
        """Count an input."""
        self.counts[found.kind] += 1
        if found.kind in FAILURES:
            key = found.kind, found.what
            times, first, trace = self.failures.get(key, (0, number, found.trace))
            self.failures[key] = times + 1, first, trace

    @property
    def failed(self) -> int:
        """How many inputs were neither read nor refused."""
        return sum(self.counts[kind] for kind in FAILURES)


def fuzz(plan: Plan) -> Result:
    """Give a reader all inputs of a plan.

    One process works through them. Where it dies, or hangs in what no signal interrupts, another
    goes on behind that input.
    """
    result = Result()
    context = multiprocessing.get_context("fork")
    first = plan.first
    while first < plan.last:
        with tempfile.TemporaryDirectory(dir=_PLACE) as folder:
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(plan, first, Path(folder), theirs))
            process.start()
            theirs.close()
            try:
                for number, found in _received(plan, first, ours, process, Path(folder)):
                    result.add(number, found)
                    first = number + 1
            finally:
                # It has nothing more to say; or this process was stopped.
                process.kill()
                process.join()
    return result


def _received(
    plan: Plan,
    first: int,
    connection: Connection,
    process: multiprocessing.process.BaseProcess,
    folder: Path,
) -> Iterator[tuple[int, Outcome]]:
    """Outcomes as a process sends them, and that of an input with which it ends."""
    number, began = first, False
    while number < plan.last:
        if not connection.poll(plan.seconds * _PATIENCE if began else _START):
            faulty = _stack(process, folder)
            if not began:
                raise RuntimeError(f"{plan.name}: does not begin\n{faulty}")
            _keep(plan, folder, number)
            yield number, Outcome(HANG, "not to be interrupted", faulty)
            return
        try:
            found = connection.recv()
        except EOFError:
            process.join()
            if not began or process.exitcode == 1:
                raise RuntimeError(f"{plan.name}: a fault of the fuzz, told above") from None
            _keep(plan, folder, number)
            yield number, Outcome(UNCAUGHT, f"the process ended with {process.exitcode}")
            return
        if found is None:
            began = True
            continue
        yield number, found
        number += 1
        if found.kind == MEMORY:
            # Its peak would hide a smaller one.
            return


def _stack(process: multiprocessing.process.BaseProcess, folder: Path) -> str:
    """Where a process hangs."""
    assert process.pid is not None
    os.kill(process.pid, signal.SIGUSR1)
    time.sleep(0.5)
    return (folder / "stack.txt").read_text()


def _work(plan: Plan, first: int, folder: Path, connection: Connection) -> None:
    """What the process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stack = (folder / "stack.txt").open("w")
    faulthandler.register(signal.SIGUSR1, stack)
    torch.set_num_threads(1)
    place = folder / "work"
    place.mkdir()
    with chdir(place):
        files = [(path, path.read_bytes()) for path in plan.reader.make(place)]
        # Twice: what is imported and cached the first time is no finding.
        for path, valid in files * 2:
            found = outcome(plan.reader, path, valid, _START)
            if found.kind not in (READ, MEMORY):
                print(f"{plan.name}: a valid file: {found.kind}: {found.what}\n{found.trace}")
                return
        gc.collect()
        limit_memory()
        connection.send(None)
        for number in range(first, plan.last):
            chance = random.Random(f"{plan.seed}/{plan.name}/{number}")
            path, valid = chance.choice(files)
            (folder / "current").write_text(str(path))
            with warnings.catch_warnings():
                # Of what is odd and made all the same.
                warnings.simplefilter("ignore")
                path.write_bytes(plan.reader.mutate(valid, chance))
            found = outcome(plan.reader, path, valid, plan.seconds)
            if found.kind in FAILURES:
                _keep(plan, folder, number)
            connection.send(found)
            if found.kind == MEMORY:
                return


def _keep(plan: Plan, folder: Path, number: int) -> None:
    """Copy an input that fails."""
    if plan.keep:
        plan.keep.mkdir(parents=True, exist_ok=True)
        path = Path((folder / "current").read_text())
        shutil.copy(path, plan.keep / f"{plan.name}-{number}-{path.name}")
