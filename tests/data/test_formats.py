"""Each format: text and columns say the same, and what is written is read back."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from src.common.errors import BadRowError
from src.config import DataConfig
from src.data.description import Convention, read_convention
from src.data.formats import FORMATS, PLAIN, Format
from src.data.formats.plain import Plain
from src.data.lines import to_lines
from src.data.problems import OPERATORS, PRECEDENCES, Problems
from src.data.reading import read_splits
from src.data.records import Record, Tokens, to_records, to_tokens
from src.data_gen import generate, write
from src.splits.space import ProblemSpace

from ..conftest import tiny_params, write_records
from .test_problems import from_prompts, prompts_of_equal_length, value

SPACES = [
    ProblemSpace(2, 0, 120, "+", "left_to_right"),
    ProblemSpace(2, 95, 105, "-*", "left_to_right"),
    ProblemSpace(2, 0, 29, "+-*/", "left_to_right"),
    ProblemSpace(3, 0, 11, "+-*/", "standard"),
    ProblemSpace(4, 1, 6, "/-", "left_to_right"),
]
every_format = pytest.mark.parametrize("written", FORMATS.values(), ids=FORMATS)


def assert_there_and_back(written: Format, problems: Problems) -> None:
    """Through text one by one and through columns, its own and those that `Format` makes."""
    symbols = [[OPERATORS[i] for i in row] for row in problems.operators.tolist()]
    rows = zip(problems.operands.tolist(), symbols, problems.answers.tolist(), strict=True)
    records = []
    for operands, operators, answer in rows:
        record = written.write(operands, "".join(operators), answer)
        assert written.read_prompt(record.prompt) == (operands, "".join(operators))
        assert written.read_target(record.target) == answer
        records.append(record)
    tokens = to_tokens(records)
    assert written.tokens(problems).tolist() == tokens.tolist()
    assert to_lines(*written.texts(problems)) == to_lines(*Format.texts(written, problems))
    for found in (written.columns(tokens), Format.columns(written, tokens)):
        assert found is not None
        for column, expected in zip(
            found, (problems.operands, problems.operators, problems.answers), strict=True
        ):
            wide = any(not -(2**63) <= x < 2**63 for x in expected.ravel().tolist())
            assert column.dtype == (object if wide else np.int64)
            assert column.tolist() == expected.tolist()


def test_the_words_of_params_yaml_are_those_known_here() -> None:
    fields = DataConfig.model_fields
    assert get_args(fields["format"].annotation) == tuple(FORMATS)
    assert get_args(fields["precedence"].annotation) == PRECEDENCES


@pytest.mark.parametrize("written", [f for f in FORMATS.values() if not f.traced], ids=str)
@given(case=prompts_of_equal_length())
def test_problems_are_written_and_read_back(written: Format, case: tuple[list[str], str]) -> None:
    assert_there_and_back(written, from_prompts(*case))


@every_format
@given(a=st.integers(0, 10**6), b=st.integers(0, 10**4), op=st.sampled_from("+-*/"))
def test_two_operands_are_written_and_read_back(written: Format, a: int, b: int, op: str) -> None:
    typed = f"{a * b}/{b or 1}=" if op == "/" else f"{a}{op}{b}="
    prompt = written.ask(typed)
    assert written.read_prompt(prompt) == PLAIN.read_prompt(typed)
    target = Convention(written, "standard").target(prompt)
    assert written.read_target(target) == value(typed, "standard")
    assert set(target) <= set("0123456789+-*/=")


@every_format
@pytest.mark.parametrize("space", SPACES)
def test_whole_spaces_are_written_and_read_back(written: Format, space: ProblemSpace) -> None:
    problems = space.enumerate()
    assert problems is not None
    if written != PLAIN:  # whose columns are code of its own
        problems = problems[:: max(1, len(problems) // 500)]
    if written.traced and space.N > 2:
        with pytest.raises(ValueError, match="must have two operands"):
            written.texts(problems)
    else:
        assert_there_and_back(written, problems)


@every_format
@given(
    pairs=st.lists(
        st.lists(st.integers(0, 99) | st.integers(0, 2**62 - 1), min_size=2, max_size=2),
        min_size=1,
        max_size=8,
    )
)
def test_numbers_of_up_to_63_bits_are_written_and_read_back(
    written: Format, pairs: list[list[int]]
) -> None:
    operands = np.array(pairs)
    operators = np.arange(len(pairs))[:, None] % 2
    assert_there_and_back(written, Problems.of(operands, operators, "standard"))


@every_format
@given(
    pairs=st.lists(
        st.lists(st.integers(0, 99) | st.integers(0, 10**100), min_size=2, max_size=2),
        min_size=1,
        max_size=8,
    )
)
@example(pairs=[[10**k, 10**k - 1] for k in (15, 16, 17, 18, 19, 20, 32, 33, 36, 54)])
@example(pairs=[[7 * 10**40, 10**20], [0, 0], [10**16, 10**32 + 1]])
def test_numbers_of_any_size_are_written_and_read_back(
    written: Format, pairs: list[list[int]]
) -> None:
    operators = np.arange(len(pairs))[:, None] % 3
    problems = Problems.of(np.array(pairs, object), operators, "standard")
    assert_there_and_back(written, problems)


def test_of_no_problems_there_are_no_rows() -> None:
    none = Problems.of(np.zeros((0, 2), np.int64), np.zeros((0, 1), np.int64), "standard")
    for texts in (PLAIN.texts(none), Format.texts(PLAIN, none)):
        assert to_lines(*texts) == b""
    assert to_records(PLAIN.tokens(none)) == []
    assert PLAIN.columns(PLAIN.tokens(none)) is None


def alike(written: Format, tokens: Tokens) -> bool:
    """Whether both ways to read columns find the same; True also where both find nothing."""
    one, other = written.columns(tokens), Format.columns(written, tokens)
    if one is None or other is None:
        return one is None and other is None
    return all(a.tolist() == b.tolist() for a, b in zip(one, other, strict=True))


TEXTS = st.from_regex(r"[0-9]{1,3}([-+*/=]{1,2}[0-9]{1,3}){0,2}[=+-]?", fullmatch=True)


@every_format
@given(texts=st.lists(st.tuples(TEXTS, st.just("") | TEXTS), min_size=1, max_size=4))
def test_what_is_no_problem_has_no_columns(written: Format, texts: list[tuple[str, str]]) -> None:
    records = [Record(prompt.replace("=", "") + "=", target) for prompt, target in texts]
    assert alike(written, to_tokens(records))


@pytest.mark.parametrize(
    ("prompt", "target"),
    [
        ("12=", "12"),
        ("12++345=", "357"),
        ("-12+345=", "333"),
        ("12+345+=", "357"),
        ("=", "1"),
        ("12+345=", "+357"),
        ("12+345=", "--357"),
        ("12+345=", "35-7"),
        ("12+345=", "0357"),
        ("12-12=", "-0"),
        ("12-12=", "00"),
        ("12+345=", ""),
        ("12+345=", "-"),
        ("12+345=", "35="),
        ("12+345=", "=357"),
        ("1+" * 40 + "1=", "41"),
        ("9" * 5000 + "-1=", "1"),
    ],
)
def test_plain_columns_hold_nothing_unusual(prompt: str, target: str) -> None:
    usual = Record("12+345=", "357")
    for records in ([Record(prompt, target)], [usual, Record(prompt, target), usual]):
        tokens = to_tokens(records)
        assert alike(PLAIN, tokens)
        assert PLAIN.columns(tokens) is None or len(records) == 1


def test_plain_operands_may_begin_with_zeros() -> None:
    assert PLAIN.read_prompt("007+1=") == ([7, 1], "+")
    tokens = to_tokens([Record("007+1=", "8"), Record("7-100=", "-93")])
    found = PLAIN.columns(tokens)
    assert found is not None
    assert [column.tolist() for column in found] == [[[7, 1], [7, 100]], [[0], [1]], [8, -93]]
    assert alike(PLAIN, tokens)


@pytest.mark.parametrize(
    "prompt", ["", "=", "12", "1+2", "1 + 2=", "-1+2=", "1+2=3", "1+٢=", "1%2="]
)
def test_a_plain_prompt_that_is_none_is_refused_with_the_form(prompt: str) -> None:
    with pytest.raises(ValueError, match=r"^must be of the form 554\+456=, operators \+ - \* /$"):
        PLAIN.read_prompt(prompt)


@pytest.mark.parametrize("target", ["", "-", "+1", "1.0", "one", "٢", "1=1"])
def test_a_plain_target_that_is_no_number_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match=r"^must be a whole number in digits$"):
        PLAIN.read_target(target)


@given(prompts_of_equal_length())
def test_the_target_is_the_answer(case: tuple[list[str], str]) -> None:
    prompts, precedence = case
    for prompt in prompts:
        assert Convention(PLAIN, precedence).target(prompt) == str(value(prompt, precedence))


class Trace(Plain):
    """As another format may be: in targets, the running total stands before the answer."""

    name = "trace"
    texts, columns = Format.texts, Format.columns

    def write(self, operands: Sequence[int], operators: str, answer: int) -> Record:
        prompt, target = super().write(operands, operators, answer)
        return Record(prompt, f"{sum(operands[:-1])}+{operands[-1]}={target}")

    def read_target(self, target: str) -> int:
        return super().read_target(target.rpartition("=")[2])


def test_another_format_is_three_functions_of_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FORMATS, "trace", Trace())
    plain = tiny_params(data={"N": 3, "B": 9, "n_samples": 300}).data
    config = plain.model_copy(update={"format": "trace"})
    write(config, tmp_path)
    assert read_convention(tmp_path).format.name == "trace"
    splits = {split: list(records) for split, records in read_splits(tmp_path).items()}
    assert splits == generate(config)
    for split, records in generate(plain).items():
        for record, (prompt, target) in zip(records, splits[split], strict=True):
            first, second, third = map(int, prompt[:-1].split("+"))
            assert (prompt, target) == (record.prompt, f"{first + second}+{third}={record.target}")
    assert_there_and_back(Trace(), from_prompts(["1+2+3=", "4+5+16="], "standard"))
    # A right answer behind a wrong trace is wrong.
    write_records(tmp_path / "test.jsonl", [Record("1+2+3=", "4+3=6")])
    with pytest.raises(BadRowError, match=r"the answer to 1\+2\+3= is 3\+3=6, not 4\+3=6"):
        read_splits(tmp_path)


@every_format
@pytest.mark.parametrize("ops", ["+", "-", "*", "/", "+-*/"])
def test_padded_numbers_are_equally_long(written: Format, ops: str) -> None:
    data = tiny_params(data={"ops": ops, "A": 0, "B": 99, "n_samples": 1000}).data
    problems = ProblemSpace(2, 0, 99, ops, "left_to_right").enumerate()
    assert problems is not None
    largest = int(np.abs(problems.answers).max())
    assert largest == data.largest_answer
    if "padded" not in written.name:
        return
    fitted = written.fitted(data)
    lengths = set()
    for record in to_records(fitted.tokens(problems[:: len(problems) // 100])):
        lengths.add((len(record.prompt), len(record.target.removeprefix("-"))))
    assert lengths == {(6, len(str(largest)))}


@pytest.mark.parametrize("written", [f for f in FORMATS.values() if f.traced], ids=str)
def test_the_answer_behind_wrong_steps_counts(written: Format) -> None:
    right = written.write([12, 34], "*", 408).target
    wrong = right.replace("4", "5", 1)
    assert wrong != right
    assert written.read_target(wrong) == 408
    assert written.answer_in(wrong) == written.answer_in(right) == "804"


@pytest.mark.parametrize("written", [f for f in FORMATS.values() if f.traced], ids=str)
def test_steps_are_those_of_two_operands(written: Format) -> None:
    with pytest.raises(ValueError, match="must have two operands"):
        Convention(written, "left_to_right").target("1+2+3=")
    with pytest.raises(ValueError, match="5/0 has no whole result"):
        Convention(written, "left_to_right").target("5/0=")
    with pytest.raises(ValidationError, match="must be 2 with format = "):
        tiny_params(data={"format": written.name, "N": 3})
