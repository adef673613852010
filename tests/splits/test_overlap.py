"""Sets of keys against Python's, and shared problems against comparing prompts."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.splits.overlap import KeySet, Overlap
from src.splits.space import ProblemSpace

from ..data.test_problems import from_prompts


@given(st.lists(st.sets(st.integers(0, 2**64 - 1) | st.integers(0, 40), max_size=30), max_size=12))
def test_a_set_of_keys_knows_what_was_added(parts: list[set[int]]) -> None:
    keys, known = KeySet(), set[int]()
    for part in parts:
        keys.add(np.array(sorted(part - known), np.uint64))
        known |= part
        assert len(keys) == len(known)
    asked = [*known, 0, 7, 2**63]
    found = keys.contains(np.array(asked, np.uint64))
    assert found.tolist() == [key in known for key in asked]


def test_keys_are_merged_into_few_arrays() -> None:
    keys = KeySet()
    for start in range(0, 2**15, 2**5):
        keys.add(np.arange(start, start + 2**5, dtype=np.uint64))
    assert len(keys) == 2**15
    assert len(keys.runs) < 15


def swapped(prompt: str) -> str:
    """The same operands in ascending order."""
    operands = iter(sorted(re.findall("[0-9]+", prompt), key=int))
    return re.sub("[0-9]+", lambda _: next(operands), prompt)


@pytest.mark.parametrize("n_operands", [2, 3])
@given(data=st.data())
def test_shared_problems_are_counted(n_operands: int, data: st.DataObject) -> None:
    pattern = rf"[0-3]([-+][0-3]){{{n_operands - 1}}}="
    prompts = st.from_regex(pattern, fullmatch=True)
    splits = {
        name: data.draw(st.lists(prompts, min_size=1, max_size=20, unique=True))
        for name in ("test", "val", "train")
    }
    overlap = Overlap(ProblemSpace(n_operands, 0, 3, "+-", "standard"), list(splits))
    for name, rows in splits.items():
        problems = from_prompts(rows, "standard")
        for part in (problems[:7], problems[7:]):
            overlap.add(name, part)
    for a, b in (("test", "val"), ("test", "train"), ("val", "train")):
        same = [prompt for prompt in splits[a] if prompt in splits[b]]
        others = {swapped(prompt) for prompt in splits[b]}
        alike = [p for p in splits[a] if p not in splits[b] and swapped(p) in others]
        assert overlap.shared(a, b) == (len(same), len(alike))
