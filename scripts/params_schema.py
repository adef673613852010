"""Write params.schema.json, with which an editor completes, explains and checks params.yaml.

    python -m scripts.params_schema

Types, ranges and choices come from `src.config`. Explanations are the comments of params.yaml, each
of which belongs to the key below it. Rules for several keys are not in the schema; commands check
them when they read the file.
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
    r"""Comments of a YAML text, each by the path of the key right below it.

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
    # An entry with comments of its own: the schema of all entries, and descriptions beside it.
    ((pattern, any_entry),) = models.pop("patternProperties").items()
    models |= {"propertyNames": {"pattern": pattern}, "additionalProperties": any_entry}
    models["properties"] = {}
    for path, text in comments(PARAMS_FILE.read_text(encoding="utf-8")).items():
        place = schema
        for key in path:
            properties = place.setdefault("properties", {})
            if place is models and key not in properties:
                properties[key] = dict(any_entry)
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
