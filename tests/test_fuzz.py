"""The fuzz target of each reader, 12,000 inputs in all; a new seed each time."""

import random
from pathlib import Path

import pytest

from .fuzz import fuzz


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reader", "inputs"),
    [("records", 4000), ("description", 2000), ("config", 2000), ("checkpoint", 4000)],
)
@pytest.mark.filterwarnings("ignore")
def test_mutated_files_are_read_or_refused(reader: str, inputs: int, tmp_path: Path) -> None:
    read, refused = fuzz(reader, inputs, random.randrange(10**6), tmp_path)
    assert read + refused == inputs
    assert refused > inputs / 10
