"""The benchmark runs the command and reports each case."""

import re
import sys

import pytest

from benchmarks import generation
from benchmarks.machine import machine


def test_generation_is_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = {"small": (400, "--ops + /"), "huge": (10**8, "--ops +")}
    monkeypatch.setattr(generation, "CASES", cases)
    monkeypatch.setattr(sys, "argv", ["generation"])
    generation.main()
    on, help_, _, row = capsys.readouterr().out.splitlines()
    assert on == machine()
    assert re.fullmatch(r"--help: \d+\.\d\d s", help_)
    # Seconds, problems a second, processor seconds, MiB: here those of pytest, from which it forks.
    assert re.fullmatch(r"small +400 +\d+\.\d\d +[\d,]+ +\d+\.\d\d +\d+", row)


def test_a_case_that_fails_ends_the_benchmark() -> None:
    with pytest.raises(SystemExit, match="2"):
        generation.generate("--n_samples", "0")
