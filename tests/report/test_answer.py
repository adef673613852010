"""What the report says first follows from the figures, and says no more than they do."""

from math import nan
from typing import Any

import pandas as pd
import pytest

from src.report.answer import defaults
from src.report.words import cost, sentence, verdict

from ..compare.test_tables import run_of


def row(a: str, b: str, difference: float, half: float, p: float, seeds: int = 3) -> dict[str, Any]:
    """A row of `figures.pairs`."""
    ends = {"low": difference - half, "high": difference + half}
    return {"a": a, "b": b, "seeds": seeds, "difference": difference, "p_holm": p} | ends


SHOWN, OPEN = (0.02, 0.01, 0.01), (0.02, 0.03, 0.4)
MORE = "percentage points more right than llama2"
NONE = "No difference shown between gpt2 and llama2"
NAMES = ["gpt2", "llama2", "mixtral"]


@pytest.mark.parametrize(
    ("tests", "expected"),
    [
        (
            [row("gpt2", "llama2", *OPEN), row("gpt2", "mixtral", *SHOWN)],
            "No architecture is shown to be better than all others.",
        ),
        (
            [
                row("gpt2", "llama2", -0.02, 0.01, 0.01),
                row("gpt2", "mixtral", *OPEN),
                row("llama2", "mixtral", *SHOWN),
            ],
            "llama2 is better than gpt2 and mixtral.",
        ),
        (
            [row("gpt2", "llama2", *OPEN), row("gpt2", "mixtral", *OPEN)],
            "No architecture is shown to be better.",
        ),
        ([], "No two architectures share settings and a seed: none can be shown to be better."),
    ],
)
def test_better_is_who_beats_all_others(tests: list[dict[str, Any]], expected: str) -> None:
    assert verdict(NAMES, tests) == expected


def test_few_seeds_speak_of_their_weights_only() -> None:
    tests = [row("gpt2", "llama2", *SHOWN, seeds=2)]
    assert "about these weights only" in verdict(NAMES[:2], tests)
    said = sentence("gpt2", "llama2", tests[0], 1)
    assert said.endswith("; these weights only (2 seeds).")
    single = row("gpt2", "llama2", 0.02, nan, 0.01, seeds=1)
    said = sentence("gpt2", "llama2", single, 1)
    assert said == f"gpt2 gets 2 {MORE} (p = 0.01); these weights only (1 seed)."
    assert sentence("gpt2", "llama2", single | {"p_holm": 0.5}, 1).startswith("No difference shown")


def test_one_architecture_is_compared_with_nothing() -> None:
    assert verdict(["gpt2"], []) == "Only gpt2 was run: there is nothing to compare it with."


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (
            SHOWN,
            "gpt2 gets 2 percentage points more right than llama2 (95 % from 1 to 3; p = 0.01).",
        ),
        # One more of 30,000 answers.
        ((1 / 30000, 1e-5, 0.01), f"gpt2 gets 0.0033 {MORE}"),
        (
            OPEN,
            "No difference shown between gpt2 and llama2: the 95 % interval, -1 to 5 points, inc",
        ),
        (
            (0.0, 0.0004, 1.0),
            "No difference shown between gpt2 and llama2: the 95 % interval, -0.04 to 0.04",
        ),
        # The interval alone would show one, were it the only test.
        (
            (0.02, 0.01, 0.06),
            "No difference shown between gpt2 and llama2: the 95 % interval, 1 to 3",
        ),
    ],
)
def test_a_difference_is_shown_or_not(numbers: tuple[float, float, float], expected: str) -> None:
    assert sentence("gpt2", "llama2", row("gpt2", "llama2", *numbers), 6).startswith(expected)
    # Whichever is named first.
    difference, half, p = numbers
    other = sentence("llama2", "gpt2", row("llama2", "gpt2", -difference, half, p), 6)
    if difference:
        assert other.startswith(expected)


def test_groups_without_a_common_seed_are_named() -> None:
    said = "gpt2 and llama2 share no seed, so they were not compared."
    assert sentence("gpt2", "llama2", None, 3) == said


def test_an_ablation_stands_beside_its_default() -> None:
    labels = ["gpt2", "llama2 optimizer=adamw", "llama2", "mixtral top_k=1", "mixtral top_k=2"]
    groups = {label: [run_of(label.split()[0], 0, 1)] for label in labels}
    # Where every run of an architecture changes something, the first one stands for it.
    expected = {"gpt2": "gpt2", "llama2": "llama2", "mixtral": "mixtral top_k=1"}
    assert defaults(groups) == expected


def test_seconds_are_told_with_their_processor_where_they_were_measured() -> None:
    rows = [
        {"label": label, "active_parameters": 10, "training_flops": 1e9, **more}
        for label, more in (
            ("gpt2", {"seconds": 90.0, "processor": "EPYC"}),
            ("llama2", {"seconds": 99.0, "processor": "EPYC"}),
        )
    ]
    seconds = "; seconds of training 90 (gpt2) to 99 (llama2, 10 % more) on EPYC."
    assert cost(pd.DataFrame(rows)).endswith(seconds)
    lacking = pd.DataFrame([rows[0], rows[1] | {"seconds": None, "processor": None}])
    assert "seconds" not in cost(lacking)
