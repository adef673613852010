"""The fast way to read: it takes nothing that reading line by line refuses or reads otherwise."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.data.lines import to_lines
from src.data.parsing import PRECEDENCES, parse
from src.data.problems import Problems
from src.data.reading import _parse, agreeing
from src.data.records import Record, to_records

from .test_problems import from_prompts, prompts_of_equal_length


def slowly(lines: bytes) -> tuple[list[Record], list[str]]:
    records, precedences = [], list(PRECEDENCES)
    for line in io.StringIO(lines.decode(), newline=None):
        records.append(_parse(line))
        precedences = agreeing(records[-1], precedences)
    return records, precedences


@given(prompts_of_equal_length())
def test_what_is_generated_is_read_fast(case: tuple[list[str], str]) -> None:
    prompts, precedence = case
    lines = to_lines(from_prompts(prompts, precedence))
    parsed = parse(lines)
    assert parsed is not None
    assert precedence in parsed.precedences
    records, precedences = slowly(lines)
    assert to_records(parsed.tokens) == records
    assert list(parsed.precedences) == precedences


@given(
    prompts_of_equal_length(),
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
def test_what_is_damaged_is_never_read_otherwise_than_line_by_line(
    case: tuple[list[str], str], damage: list[tuple[int, int, int]]
) -> None:
    lines = bytearray(to_lines(from_prompts(*case)))
    for place, length, byte in damage:
        place %= len(lines)
        lines[place : place + length] = bytes([byte])
    lines += b"" if lines.endswith(b"\n") else b"\n"
    parsed = parse(bytes(lines))
    if parsed is not None and parsed.precedences:
        records, precedences = slowly(bytes(lines))
        assert to_records(parsed.tokens) == records
        assert list(parsed.precedences) == precedences


def line(prompt: str, target: str) -> bytes:
    text = f"<bos>{prompt}{target}<eos>"
    return f'{{"prompt": "{prompt}", "target": "{target}", "text": "{text}"}}\n'.encode()


GOOD = line("12+345=", "357")


@pytest.mark.parametrize(
    ("prompt", "target"),
    [
        ("12+345", "357"),
        ("12=", "12"),
        ("12++345=", "357"),
        ("-12+345=", "333"),
        ("12+345+=", "357"),
        ("12+345=", "+357"),
        ("12+345=", "--357"),
        ("12+345=", "35-7"),
        ("12+345=", "0357"),
        ("12-12=", "-0"),
        ("12-12=", "00"),
        ("12+345=", ""),
        ("12+345=", "-"),
        ("12+345=", "35="),
        ("12 +345=", "357"),
        ("1+" * 40 + "1=", "41"),
        ("1" * 19 + "+0=", "1" * 19),
        ("9" * 10 + "*" + "9" * 10 + "=", str((10**10 - 1) ** 2)),
    ],
)
def test_the_unusual_is_left_to_others(prompt: str, target: str) -> None:
    assert parse(GOOD + line(prompt, target) + GOOD) is None


@pytest.mark.parametrize(
    "lines",
    [b"\n", b"{}\n", GOOD + b"\n", GOOD.replace(b", ", b","), GOOD.replace(b"\n", b"\r\n")],
)
def test_other_ways_to_write_json_are_left_to_others(lines: bytes) -> None:
    assert parse(lines) is None


@pytest.mark.parametrize(
    ("prompt", "target", "precedences"),
    [
        ("2+3*4=", "14", ("standard",)),
        ("2+3*4=", "20", ("left_to_right",)),
        ("2+3*4=", "15", ()),
        ("2*3+4=", "10", PRECEDENCES),
        ("1+4/2=", "3", ("standard",)),
        ("1+3/2=", "2", ("left_to_right",)),
        ("7/2=", "3", ()),
        ("7/0=", "0", ()),
        ("0/0=", "0", ()),
        ("007+1=", "8", PRECEDENCES),
        ("3-5=", "-2", PRECEDENCES),
        ("3-5=", "2", ()),
        ("999999999999999999-1=", "999999999999999998", PRECEDENCES),
    ],
)
def test_answers_are_worked_out(prompt: str, target: str, precedences: tuple[str, ...]) -> None:
    parsed = parse(line(prompt, target) * 3)
    assert parsed is not None
    assert parsed.precedences == precedences


def test_many_lines_of_every_length() -> None:
    numbers = np.random.default_rng(0).integers(0, 10 ** np.arange(1, 9).repeat(100))
    problems = Problems.start(numbers).extend(np.ones_like(numbers), numbers[::-1], "standard")
    parsed = parse(to_lines(problems))
    assert parsed is not None
    assert parsed.precedences == PRECEDENCES
    assert [record.prompt for record in to_records(parsed.tokens)] == problems.prompts()
