"""The time left is that of all runs together, from the steps that were done in this call."""

import pytest

from src.sweep.grid import Run
from src.sweep.progress import Progress


class Sweep:
    """A progress with a clock that a test sets."""

    def __init__(self, at_once: int, **steps: int) -> None:
        self.now = 1000.0
        runs = [
            Run(name, (), {"model": name[:-1], "training": {"max_steps": n}})
            for name, n in steps.items()
        ]
        self.progress = Progress(runs, at_once, lambda: self.now)

    def hear(self, seconds: float, name: str, line: str) -> str:
        self.now += seconds
        return self.progress.hear(name, f"{line}\n")

    def end(self, seconds: float, name: str, finished: bool = True) -> None:
        self.now += seconds
        self.progress.end(name, finished)

    def left(self) -> float | None:
        return self.progress.left()


def test_news_are_a_few_words() -> None:
    sweep = Sweep(1, gpt0=3000)
    assert sweep.hear(0, "gpt0", "starts on host") == "starts"
    assert sweep.hear(5, "gpt0", "resuming after step 1,000 from runs/a") == (
        "resumes after step 1,000"
    )
    line = "step  1,200 of 3,000  train_loss 0.1  2,623 problems/s  27 s left"
    assert sweep.hear(9, "gpt0", line) == "step 1,200 of 3,000"
    for line in (
        "Running stage 'train':",
        "$ git clone",
        "by step 3 of 4",
        "Stage 'train' is cached",
    ):
        assert sweep.hear(0, "gpt0", line) == ""


def test_the_time_left_is_that_of_all_runs() -> None:
    sweep = Sweep(2, gpt0=300, gpt1=300, gpt2=300)
    for name in ("gpt0", "gpt1"):
        sweep.hear(0, name, "starts on host")
    assert sweep.left() is None
    sweep.hear(10, "gpt0", "step 100 of 300")
    # The time until the first steps is that of starting, too.
    assert sweep.left() is None
    sweep.hear(20, "gpt0", "step 200 of 300")
    # 0.2 seconds a step: the second needs 60, the first 20 and then the third 60.
    assert sweep.left() == pytest.approx(80)
    sweep.hear(20, "gpt0", "step 300 of 300")
    sweep.end(10, "gpt0")
    # 60 seconds for the whole of the first.
    sweep.hear(0, "gpt1", "step 200 of 300")
    sweep.hear(0, "gpt2", "starts on host")
    assert sweep.left() == pytest.approx(60)
    sweep.end(0, "gpt1", finished=False)
    sweep.end(60, "gpt2")
    assert sweep.left() == 0


def test_an_architecture_has_its_own_pace_once_it_is_known() -> None:
    sweep = Sweep(1, gpt0=100, mixtral0=100, mixtral1=100)
    sweep.hear(0, "gpt0", "starts on host")
    sweep.end(100, "gpt0")
    assert sweep.left() == pytest.approx(200)
    sweep.hear(0, "mixtral0", "starts on host")
    sweep.end(300, "mixtral0")
    assert sweep.left() == pytest.approx(300)


def test_steps_that_were_done_before_take_no_time() -> None:
    sweep = Sweep(1, gpt0=100, gpt1=100, gpt2=100)
    sweep.hear(0, "gpt0", "starts on host")
    sweep.hear(1, "gpt0", "Stage 'train' is cached - skipping run, checking out outputs")
    sweep.end(1, "gpt0")
    assert sweep.left() is None
    sweep.hear(0, "gpt1", "starts on host")
    sweep.hear(0, "gpt1", "resuming after step 80 from runs/a")
    sweep.end(40, "gpt1")
    # 40 seconds for 20 steps.
    assert sweep.left() == pytest.approx(200)
