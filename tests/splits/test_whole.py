"""All problems of a space in splits that share no swapped ones."""

import re
from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from src.config import DataConfig
from src.splits.source import chunks, source_of
from src.splits.space import ProblemSpace
from src.splits.whole import Whole

from ..data.test_problems import prompts_of
from ..test_data_gen import data_config
from .test_space import brute_force, small_spaces

SPLITS = ("test", "val", "train")


def divided(space: ProblemSpace, sizes: list[int], seed: int) -> list[list[str]]:
    """The prompts of each split, none of them swapped with one of another."""
    every = space.enumerate()
    assert every is not None
    source = Whole(space, every, dict(zip(SPLITS, sizes, strict=True)), seed)
    parts, keys = [], []
    for split in SPLITS:
        problems = list(source.chunks(split))
        parts.append([prompt for part in problems for prompt in prompts_of(part)])
        keys.append(set(chain(*(space.keys(part, unordered=True).tolist() for part in problems))))
    assert all(source.shared(a, b) == (0, 0) for a, b in combinations(SPLITS, 2))
    assert all(a.isdisjoint(b) for a, b in combinations(keys, 2))
    return parts


@settings(deadline=None, max_examples=50)
@given(small_spaces(), st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 1))
def test_each_problem_is_in_one_split_together_with_its_swapped_forms(
    space: ProblemSpace, seed: int, test: float, val: float
) -> None:
    expected = sorted(brute_force(space))
    assume(len(expected) >= 3)
    sizes = [1 + int(test * (len(expected) - 3))]
    sizes.append(1 + int(val * (len(expected) - sizes[0] - 2)))
    sizes.append(len(expected) - sum(sizes))
    try:
        parts = divided(space, sizes, seed)
    except ValueError:
        # Where few problems are a group alone, one split may take all of these.
        alone = sum(len({*re.findall("[0-9]+", prompt)}) == 1 for prompt in expected)
        assert space.N > 2 or alone < 10
        return
    assert [len(part) for part in parts] == sizes
    assert sorted(chain(*parts)) == expected
    assert divided(space, sizes, seed) == parts


def test_each_problem_is_as_likely_in_the_test_split_as_any_other() -> None:
    space = ProblemSpace(2, 0, 9, "+", "standard")
    counts = dict.fromkeys(brute_force(space), 0)
    for seed in range(1000):
        for prompt in divided(space, [20, 10, 70], seed)[0]:
            counts[prompt] += 1
    alone = {f"{a}+{a}=" for a in range(10)}
    # 200 times each, standard deviation 13.
    pairs = [n for prompt, n in counts.items() if prompt not in alone]
    assert min(pairs) > 140
    assert max(pairs) < 260
    # Every other time the last place goes to one of those ten.
    assert sum(counts[prompt] for prompt in alone) == pytest.approx(2000 + 500, abs=200)


def test_small_splits_come_out_behind_a_large_one() -> None:
    space = ProblemSpace(2, 0, 9, "+", "standard")
    for seed in range(50):
        assert [len(part) for part in divided(space, [98, 1, 1], seed)] == [98, 1, 1]


@pytest.mark.parametrize("ops", ["+", "+-", "*/"])
def test_all_that_exist_are_taken_only_where_all_are_asked_for(ops: str) -> None:
    def all_drawn(config: DataConfig) -> list[str]:
        return [p for _, part in chunks(config, source_of(config)) for p in prompts_of(part)]

    space = ProblemSpace(2, 0, 30, ops, "left_to_right")
    size = space.size()
    assert size is not None
    asked = {"B": 30, "ops": ops, "split_by": "unordered", "val_fraction": 0.1}
    config = data_config(**asked, n_samples=size, test_fraction=0.6)
    assert isinstance(source_of(config), Whole)
    assert sorted(all_drawn(config)) == sorted(brute_force(space))
    assert not isinstance(source_of(config.model_copy(update={"n_samples": size - 1})), Whole)


def test_splits_that_do_not_come_out_are_refused_in_a_line() -> None:
    space = ProblemSpace(3, 0, 1, "+", "standard")
    every = space.enumerate()
    assert every is not None
    # 000, 111, and three of each other kind.
    with pytest.raises(ValueError, match=r"^no 2 problems are in whole groups"):
        Whole(space, every, {"test": 1, "val": 1, "more": 2, "train": 4}, 0)
    rows = np.concatenate(
        [p.operands for p in Whole(space, every, {"test": 2, "train": 6}, 0).chunks("test")]
    )
    assert sorted(rows.tolist()) == [[0, 0, 0], [1, 1, 1]]
