"""Lines made of bytes, and back, against the format written out."""

import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from src.data.digits import to_words
from src.data.formats import PLAIN
from src.data.lines import from_lines, to_lines
from src.data.problems import Problems
from src.data.records import Record, to_line, to_records, to_tokens

from .test_problems import from_prompts, prompts_of_equal_length, value

lengths = st.integers(0, 9) | st.integers(0, 12_345) | st.integers(0, 2**62)


def written(problems: Problems) -> list[str]:
    text = to_lines(*PLAIN.texts(problems)).decode()
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


# Of any format: a prompt ends with the first =, and a target may hold more of them.
PROMPTS = st.from_regex(r"[0-9*/+-]{0,12}=", fullmatch=True)
TARGETS = st.from_regex(r"[0-9*/+=-]{0,12}", fullmatch=True)
RECORDS = st.lists(st.builds(Record, PROMPTS, TARGETS), min_size=1, max_size=20)


@given(RECORDS)
def test_records_of_any_format_become_lines_and_tokens(records: list[Record]) -> None:
    lines = "".join(map(to_line, records)).encode()
    prompts, targets = ([record[i] for record in records] for i in range(2))
    assert to_lines(to_words(prompts), to_words(targets)) == lines
    tokens = from_lines(lines)
    assert tokens is not None
    assert tokens.tolist() == to_tokens(records).tolist()


@given(
    RECORDS,
    st.lists(
        st.tuples(
            st.integers(0, 10**6),
            st.integers(0, 3),
            st.sampled_from(b'0123456789+-*/=<>"{}, \n\r\0:epx') | st.integers(0, 255),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_damaged_lines_are_left_to_others_or_read_as_json(
    records: list[Record], damage: list[tuple[int, int, int]]
) -> None:
    lines = bytearray("".join(map(to_line, records)).encode())
    for place, length, byte in damage:
        place %= len(lines)
        lines[place : place + length] = bytes([byte])
    lines += b"" if lines.endswith(b"\n") else b"\n"
    tokens = from_lines(bytes(lines))
    if tokens is not None:
        read = [json.loads(line) for line in lines.decode().splitlines()]
        for record, fields in zip(to_records(tokens), read, strict=True):
            assert fields == {**record._asdict(), "text": record.text}


GOOD = to_line(Record("12+345=", "357")).encode()


@pytest.mark.parametrize(
    "lines",
    [
        b"\n",
        b"{}\n",
        GOOD + b"\n",
        GOOD.replace(b", ", b","),
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.replace(b"=", b""),
        GOOD.replace(b"+", b" "),
        GOOD.replace(b"5", b"\0"),
        GOOD.replace(b"5", "\N{ARABIC-INDIC DIGIT THREE}".encode()),
    ],
)
def test_other_lines_are_left_to_others(lines: bytes) -> None:
    assert from_lines(lines) is None
    assert from_lines(GOOD + lines + GOOD) is None


def test_lines_of_very_different_lengths_take_no_table_of_the_longest() -> None:
    long = to_line(Record("1" * 2**20 + "+1=", "2")).encode()
    assert from_lines(GOOD * 100 + long) is None
    assert from_lines(long) is not None


def test_many_lines_of_every_length() -> None:
    numbers = np.random.default_rng(0).integers(0, 10 ** np.arange(1, 9).repeat(100))
    problems = Problems.start(numbers).extend(np.ones_like(numbers), numbers[::-1], "standard")
    tokens = from_lines(to_lines(*PLAIN.texts(problems)))
    assert tokens is not None
    assert (tokens == PLAIN.tokens(problems)).all()
