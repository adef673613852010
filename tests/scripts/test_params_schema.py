"""params.schema.json accepts and refuses values of single keys of params.yaml as commands do."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from scripts.params_schema import SCHEMA_FILE, comments, schema
from src.params import PARAMS_FILE

from ..test_config import CONTENT, LATER, TEXT, changed, leaves, refusal, write

SCHEMA = Draft202012Validator(schema())


def test_the_file_is_current() -> None:
    assert json.loads(SCHEMA_FILE.read_text()) == schema(), "run python -m scripts.params_schema"


def test_params_yaml_names_its_schema_and_fits_it() -> None:
    first = TEXT.splitlines()[0]
    assert first == f"# yaml-language-server: $schema={SCHEMA_FILE.name}"
    assert SCHEMA_FILE.parent == PARAMS_FILE.parent
    Draft202012Validator.check_schema(SCHEMA.schema)
    assert list(SCHEMA.iter_errors(CONTENT)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("model",), 3),
        (("trainig",), {}),
        (("data", "N"), 1),
        (("data", "val_fraction"), 1.0),
        (("models", "gpt2", "d_modle"), 128),
        (("models", "gpt2", "norm"), "batchnorm"),
        (("models", "mine"), {"name": "gpt2"}),
        (("training", "learning_rate"), 0),
        (("training", "seed"), -1),
        (("evaluation", "exhaustive"), "yes"),
        (("runtime", "logger"), "csv"),
        (("runtime", "devices"), 0),
    ],
)
def test_what_a_command_refuses_an_editor_marks(
    path: tuple[str, ...], value: Any, tmp_path: Path
) -> None:
    content = changed(path, value)
    assert refusal(write(tmp_path, content)).startswith(".".join(path))
    errors = list(SCHEMA.iter_errors(content))
    assert errors
    for error in errors:
        assert list(path)[: len(error.absolute_path)] == list(error.absolute_path)


@pytest.mark.parametrize(("name", "fits"), [("mine-1.5", True), ("../mine", False), ("", False)])
def test_an_architecture_of_ones_own_needs_a_plain_name(name: str, fits: bool) -> None:
    content = changed(("models", name), CONTENT["models"]["gpt2"])
    assert SCHEMA.is_valid(content) == fits


def test_every_key_may_be_given_and_must_be() -> None:
    for path in leaves(CONTENT):
        content = changed(path, None)
        place = content
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]
        expected = [] if path in LATER else ["required"]
        assert [error.validator for error in SCHEMA.iter_errors(content)] == expected, path


def test_comments_explain_the_keys_below_them() -> None:
    explained = comments(TEXT)
    # Each comment belongs to an existing key; the file's header belongs to none.
    assert set(explained) <= {path[:n] for path in leaves(CONTENT) for n in (1, 2, 3)}
    assert explained["training", "grad_clip"].endswith("; 0 turns clipping off.")
    properties = SCHEMA.schema["properties"]
    for path, text in explained.items():
        place = {"properties": properties}
        for key in path:
            place = place["properties"][key]
        assert place["description"] == text
    assert properties["models"]["properties"]["mixtral"]["$ref"] == "#/$defs/ModelConfig"
