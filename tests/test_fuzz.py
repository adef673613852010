"""The fuzz target of each reader, 17,000 inputs in all; a new seed each time.

FUZZ_INPUTS is another number for each.
"""

import os
import random
from pathlib import Path

import pytest

from .fuzz import READERS, fuzz


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reader", "inputs"),
    [
        ("records", 4000),
        ("description", 2000),
        ("config", 1500),
        ("yaml", 500),
        ("checkpoint", 4000),
        *((reader, 1000) for reader in READERS if "." in reader),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_mutated_files_are_read_or_refused(reader: str, inputs: int, tmp_path: Path) -> None:
    inputs = int(os.environ.get("FUZZ_INPUTS", inputs))
    read, refused = fuzz(reader, inputs, random.randrange(10**6), tmp_path)
    assert read + refused == inputs
    assert refused > inputs / 10
