"""Lines made of bytes against the format written out."""

import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from src.data.lines import to_lines
from src.data.problems import Problems

from .test_problems import from_prompts, prompts_of_equal_length, value

lengths = st.integers(0, 9) | st.integers(0, 12_345) | st.integers(0, 2**62)


def written(problems: Problems) -> list[str]:
    text = to_lines(problems).decode()
    assert text.endswith("\n") or not len(problems)
    return text.splitlines()


@given(prompts_of_equal_length())
def test_each_line_is_the_problem_as_json_would_write_it(case: tuple[list[str], str]) -> None:
    prompts, precedence = case
    expected = []
    for prompt in prompts:
        target = str(value(prompt, precedence))
        text = f"<bos>{prompt}{target}<eos>"
        expected.append(json.dumps({"prompt": prompt, "target": target, "text": text}))
    assert written(from_prompts(prompts, precedence)) == expected


@given(st.lists(lengths, min_size=1, max_size=20))
@example([0])
@example([0, 9, 10, 99, 100, 9999, 10_000, 100_000, 99_999_999, 100_000_000, 2**63 - 1])
@example([100_010_001, 10_000, 1])
def test_numbers_of_every_length_stand_side_by_side(values: list[int]) -> None:
    lines = written(Problems.start(np.array(values)))
    assert [json.loads(line)["prompt"] for line in lines] == [f"{x}=" for x in values]
    assert [json.loads(line)["target"] for line in lines] == [str(x) for x in values]


@pytest.mark.parametrize("prompts", [["0-0=", "0-7=", "12345-99999="], ["5-9="], ["9-5="]])
def test_only_negative_answers_have_a_sign(prompts: list[str]) -> None:
    lines = written(from_prompts(prompts, "standard"))
    assert [json.loads(line)["target"] for line in lines] == [
        str(value(prompt, "standard")) for prompt in prompts
    ]
