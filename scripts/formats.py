"""The tables of docs/formats.md: a problem of each operator in every format, and how long they get.

python -m scripts.formats
"""

from __future__ import annotations

from collections.abc import Callable

from src.common.files import ROOT, open_replacing
from src.common.markdown import code
from src.common.marked_section import insert
from src.config import DataConfig
from src.data.description import Convention
from src.data.formats import FORMATS
from src.params import load_params
from src.splits.source import space_of
from src.terminal.cli import Parser, run

PAGE = ROOT / "docs" / "formats.md"
EXAMPLES = "<!-- examples: written by python -m scripts.formats -->"
LENGTHS = "<!-- lengths: written by python -m scripts.formats -->"
_PROBLEMS = {"+": "58+54=", "-": "34-112=", "*": "12*34=", "/": "408/12="}


def _data(name: str, ops: str, largest: int) -> DataConfig:
    values = {"format": name, "ops": ops, "N": 2, "A": 0, "B": largest, "n_samples": 100}
    return DataConfig.model_validate(load_params().data.model_dump() | values)


def _table(cell: Callable[[Convention, DataConfig], str], largest: int) -> str:
    """A row for each format, and a cell for each operator, of data of numbers up to `largest`."""
    lines = ["| format | " + " | ".join(f"`{ops}`" for ops in _PROBLEMS) + " |", "|---" * 5 + "|"]
    for name in FORMATS:
        every = (_data(name, ops, largest) for ops in _PROBLEMS)
        cells = [code(name), *(cell(Convention.of(data), data) for data in every)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def examples() -> str:
    """A problem of each operator, with its target, as data of numbers up to 999 has it."""

    def example(convention: Convention, data: DataConfig) -> str:
        asked = convention.format.ask(_PROBLEMS[data.ops])
        return code(asked + convention.target(asked))

    return _table(example, 999)


def lengths() -> str:
    """Tokens of the longest problem, ``<bos>`` and ``<eos>`` included, of all up to 99."""

    def longest(convention: Convention, data: DataConfig) -> str:
        every = space_of(data).enumerate()
        assert every is not None
        return str(convention.format.tokens(every).shape[1])

    return _table(longest, 99)


def main(argv: list[str] | None = None) -> None:
    """The command."""
    Parser("scripts.formats", "Write the tables of docs/formats.md.").parse_args(argv)
    page = PAGE.read_text(encoding="utf-8")
    for table, mark in ((examples(), EXAMPLES), (lengths(), LENGTHS)):
        page = insert(page, table, mark)
    with open_replacing(PAGE) as file:
        file.write(page)


if __name__ == "__main__":
    run(main)
