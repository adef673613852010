"""Problems that occur twice are found, however many there are and however they are written."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.common.errors import UserError
from src.data.duplicates import check_distinct, repeats
from src.data.records import Record, to_tokens

prompts = st.from_regex(r"[0-9]{1,9}[-+][0-3]=", fullmatch=True) | st.from_regex(
    r"[0-2]\+[0-3]=", fullmatch=True
)


def message(splits: dict[str, list[str]]) -> str | None:
    """What is wrong with these problems, with another answer to each."""
    tokens = {
        split: to_tokens([Record(prompt, f"{i}") for i, prompt in enumerate(of_split)])
        for split, of_split in splits.items()
    }
    try:
        check_distinct(Path("data"), tokens)
    except UserError as error:
        return str(error)
    return None


def expected(splits: dict[str, list[str]]) -> str | None:
    for split, of_split in splits.items():
        if twice := len(of_split) - len(set(of_split)):
            return f"data/{split}.jsonl: {twice} problems occur more than once"
    for one, other in combinations(splits, 2):
        if both := set(splits[one]) & set(splits[other]):
            return f"data: {len(both)} problems are in both {one} and {other}, such as {min(both)}"
    return None


@given(st.lists(st.lists(prompts, min_size=1, max_size=12), min_size=3, max_size=3), st.booleans())
@pytest.mark.parametrize("keys", [1, 4, 2**23])
def test_repeated_problems_are_counted(keys: int, lists: list[list[str]], unique: bool) -> None:
    splits = dict(zip(("train", "val", "test"), lists, strict=True))
    if unique:
        splits = {split: list(dict.fromkeys(of_split)) for split, of_split in splits.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("src.data.duplicates._KEYS", keys)
        assert message(splits) == expected(splits)


@given(st.lists(prompts, max_size=20))
def test_each_repetition_is_found_with_the_first_row(drawn: list[str]) -> None:
    tokens = to_tokens([Record(prompt, f"{i}") for i, prompt in enumerate(drawn)])
    expected = {i: drawn.index(p) for i, p in enumerate(drawn) if drawn.index(p) != i}
    assert repeats(tokens) == expected


def test_problems_with_the_same_key_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if the key were of one bit.
    from src.data import duplicates

    keys = duplicates._keys
    monkeypatch.setattr(
        duplicates,
        "_keys",
        lambda tokens: ((rows, key & np.uint64(1)) for rows, key in keys(tokens)),
    )
    splits = {"train": [f"{i}+1=" for i in range(40)], "val": ["7+2="], "test": ["8+2="]}
    assert message(splits) is None
    rows = [Record(prompt, "1") for prompt in [*splits["train"], "5+1=", "9+2="]]
    assert repeats(to_tokens(rows)) == {40: 5}
    splits["test"].append("33+1=")
    assert message(splits) == "data: 1 problems are in both train and test, such as 33+1="


def test_keys_of_many_problems_differ() -> None:
    from src.data.duplicates import _keys

    problems = [Record(f"{a}+{b}=", "1") for a in range(300) for b in range(300)]
    keys = np.concatenate([key for _, key in _keys(to_tokens(problems))])
    assert len(np.unique(keys)) == 90_000
    # All bits are used: parts of the work are of about the same size.
    assert np.bincount((keys % np.uint64(16)).astype(int)).min() > 90_000 / 16 * 0.9
    assert np.bincount((keys >> np.uint64(60)).astype(int)).min() > 90_000 / 16 * 0.9
