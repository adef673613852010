"""A small study as its file holds it."""

from typing import Any

import pytest


@pytest.fixture
def content() -> dict[str, Any]:
    return {
        "question": "Does the format matter?",
        "expected": "Yes.",
        "base": {"models.*.dropout": 0.1, "data.n_samples": 300, "training.warmup_steps": 5},
        "axes": {
            "data.format": ["plain", "reverse"],
            "steps": {20: {"training.max_steps": 20}, 30: {}},
        },
        "seeds": [0, 1],
        "measure": ["exact_match", "steps_to_99"],
        "threshold": 0.5,
        "charts": [
            {"title": "By steps", "x": "steps"},
            {"title": "By FLOPs", "x": "training_flops", "along": "steps"},
            {"title": "Digits", "x": "digits"},
            {"title": "All", "where": {"data.format": ["plain", "reverse"], "steps": 20}},
        ],
        "published": [
            {
                "source": "Somebody 2020",
                "where": {"data.format": "plain"},
                "of": "steps",
                "values": {20: 0.25},
            },
            {"source": "Others 2021", "of": "digits", "values": {2: 0.5}},
        ],
        "quick": {"base": {"data.n_samples": 200}, "seeds": [7]},
        "larger": "More.",
        "conclusion": "It does.",
    }
