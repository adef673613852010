"""What the runs of a sweep have done, read from their output, and the time that is left."""

from __future__ import annotations

import heapq
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .grid import Run

# Lines of `worker.run`, of the train stage and of DVC.
_STARTED = "starts on "
_RESUMED = re.compile(r"resuming after step ([\d,]+) ")
_STEP = re.compile(r"step +([\d,]+) of ([\d,]+)")
_TRAINED = re.compile(r"Stage 'train' (is cached|didn't change)")


@dataclass
class _State:
    """One run, with times in seconds.

    Attributes:
        model: its architecture.
        steps: of its whole training.
        step: the last one that is known to be done.
        started: when the run started; None before.
        resumed: the step after which its training went on in this call.
        since: step and time from which its pace is known, and `until` which.
        cached: whether its training was done before.
        ended: whether it has finished or failed.
    """

    model: str
    steps: int
    step: int = 0
    started: float | None = None
    resumed: int = 0
    since: tuple[int, float] | None = None
    until: float = 0.0
    cached: bool = False
    ended: bool = False


class Progress:
    """The progress of all runs of a call.

    Args:
        runs: those that are to run.
        at_once: how many of them run at a time.
        clock: the time in seconds.
    """

    def __init__(
        self, runs: Sequence[Run], at_once: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._at_once = at_once
        self._clock = clock
        self._runs = {
            run.name: _State(run.params["model"], run.params["training"]["max_steps"])
            for run in runs
        }

    def hear(self, name: str, line: str) -> str:
        """Take in a line of a run's output.

        Returns:
            What is new in a few words, or ``""``.
        """
        state, now = self._runs[name], self._clock()
        if line.startswith(_STARTED):
            state.started = now
            return "starts"
        if _TRAINED.match(line):
            state.cached, state.step = True, state.steps
        elif resumed := _RESUMED.match(line):
            state.step = state.resumed = _number(resumed[1])
            return f"resumes after step {resumed[1]}"
        elif step := _STEP.match(line):
            state.step, state.until = _number(step[1]), now
            # Not from its start, which took the time of starting Python as well.
            state.since = state.since or (state.step, now)
            return f"step {step[1]} of {step[2]}"
        return ""

    def end(self, name: str, finished: bool) -> None:
        """Note that a run has ended."""
        state = self._runs[name]
        state.ended = True
        if finished and not state.cached and state.started is not None:
            if state.step == state.resumed:  # it tells no steps
                state.step = state.steps
            # With the time of all that the next runs have to do as well.
            state.since, state.until = (state.resumed, state.started), self._clock()

    def cached(self) -> set[str]:
        """The names of the runs whose training was done before."""
        return {name for name, state in self._runs.items() if state.cached}

    def left(self) -> float | None:
        """Seconds until all runs have ended; None if no steps were done yet to go by."""
        states = [*self._runs.values()]
        pace = _pace(states)
        if pace is None:
            return None
        lanes = [0.0] * self._at_once
        # In the order in which they started and will start.
        for state in sorted(states, key=lambda each: each.started is None):
            if not state.ended:
                own = _pace([each for each in states if each.model == state.model])
                # It begins where another ends first.
                heapq.heapreplace(lanes, lanes[0] + (state.steps - state.step) * (own or pace))
        return max(lanes)


def _pace(states: list[_State]) -> float | None:
    """Seconds for a step, of runs that did some in this call."""
    done = [
        (each.step - each.since[0], each.until - each.since[1])
        for each in states
        if each.since and not each.cached
    ]
    steps, seconds = map(sum, zip(*done, strict=True)) if done else (0, 0.0)
    return seconds / steps if steps else None


def _number(text: str) -> int:
    return int(text.replace(",", ""))
