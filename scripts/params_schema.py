"""Write params.schema.json, with which an editor completes, explains and checks params.yaml.

    python -m scripts.params_schema

Types, ranges and choices are those of `config`, explanations the comments of params.yaml: each
belongs to the key below it. Rules that span several keys are checked when a command reads the file.
"""

from __future__ import annotations

import json
from typing import Any

from src.common.files import open_replacing
from src.config import Params
from src.params import PARAMS_FILE
from src.terminal.cli import Parser, run

SCHEMA_FILE = PARAMS_FILE.with_name("params.schema.json")


def comments(text: str) -> dict[tuple[str, ...], str]:
    r"""The comment right above each key, by the key's path.

    >>> comments("a:\n  # Both\n  # lines.\n  b: 1\n  c: 2")
    {('a', 'b'): 'Both lines.'}
    """
    found: dict[tuple[str, ...], str] = {}
    path: tuple[str, ...] = ()
    words: list[str] = []
    for line in text.splitlines():
        content = line.strip()
        if content.startswith("#"):
            words.append(content.removeprefix("#").strip())
            continue
        if content:
            depth = (len(line) - len(line.lstrip())) // 2
            path = (*path[:depth], content.partition(":")[0])
            if words:
                found[path] = " ".join(words)
        words = []
    return found


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of params.yaml."""
    schema = Params.model_json_schema()
    models = schema["properties"]["models"]
    # The entries have comments of their own: each is the general one and its explanations.
    models["properties"] = {}
    for path, text in comments(PARAMS_FILE.read_text(encoding="utf-8")).items():
        place = schema
        for key in path:
            properties = place.setdefault("properties", {})
            if place is models and key not in properties:
                properties[key] = dict(models["additionalProperties"])
            place = properties.setdefault(key, {})
        place["description"] = text
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser(
        "scripts.params_schema",
        "Write params.schema.json; run it after a change of params.yaml or src/config.py.",
    )
    parser.parse_args(argv)
    with open_replacing(SCHEMA_FILE) as file:
        file.write(json.dumps(schema(), indent=2) + "\n")
    print(SCHEMA_FILE.name)


if __name__ == "__main__":
    run(main)
