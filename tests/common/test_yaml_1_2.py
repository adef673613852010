"""YAML is read as DVC reads it; invalid YAML is one line of error with its line number."""

from pathlib import Path

import pytest
from dvc.utils.serialize import parse_yaml as parsed_by_dvc

from src.common.errors import UserError
from src.common.yaml_1_2 import parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1_000", 1000),
        ("33:20", "33:20"),
        ("1e-05", 1e-05),
        (".5", 0.5),
        ("5.", 5.0),
        ("yes", "yes"),
        ("No", "No"),
        ("on", "on"),
        ("off", "off"),
        ("True", True),
        ("~", None),
        ("'010'", "010"),
        ("0b11", 3),
    ],
)
def test_scalars_are_those_of_dvc(scalar: str, value: object) -> None:
    read = parse_yaml(f"a: {scalar}", "x")
    assert read == parsed_by_dvc(f"a: {scalar}", "x") == {"a": value}
    assert type(read["a"]) is type(value)


def test_a_merge_key_completes_a_mapping() -> None:
    text = "base: &base {a: 1, b: 2}\nown: {<<: *base, b: 3}"
    assert parse_yaml(text, "x")["own"] == {"a": 1, "b": 3}
    assert parse_yaml(text, "x") == parsed_by_dvc(text, "x")


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: 1\nb: 2\na: 3", 3, 'found duplicate key "a"'),
        ("a:\n  b: {c: 1, c: 1}", 2, 'found duplicate key "c"'),
        ("1: x\n1: y", 2, 'found duplicate key "1"'),
        ("a:\n\tb: 1", 2, "found character '\\t' that cannot start any token"),
        ("a: [1,\n", 2, "expected the node content, but found '<stream end>'"),
        ("a: 1\n  b: 2", 2, "mapping values are not allowed here"),
        ("--- 1\n--- 2", 2, "expected a single document in the stream, but found another"),
        ("x\na: *missing", 2, "mapping values are not allowed here"),
        ("a: *missing", 1, "found undefined alias 'missing'"),
        ("a: !!python/object:os.system {}", 1, "could not determine a constructor for the tag"),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_yaml(text, "name")
    assert str(caught.value).startswith(f"name: line {line}: not valid YAML: {reason}")
    with pytest.raises(Exception, match=r"."):
        parsed_by_dvc(text, "name")


def test_a_byte_order_mark_may_begin_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert read_yaml(path) == {"a": 1, "b": 2}


def test_a_missing_file_and_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    with pytest.raises(UserError, match=r"x\.yaml: no such file"):
        read_yaml(path)
    path.write_bytes("a: ä".encode("latin-1"))
    with pytest.raises(UserError, match=r"x\.yaml: not valid YAML: 'utf-8' codec can't decode"):
        read_yaml(path)
