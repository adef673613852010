"""The list of all studies in docs/studies.md."""

from __future__ import annotations

from pathlib import Path

from ..common.files import open_replacing
from ..common.markdown import literal
from ..common.marked_section import insert
from .cells import cells
from .file import load
from .rows import read_rows
from .running import missing

BEGIN = "<!-- studies: written by python -m src.study -->"


def write_index(root: Path, text: str) -> None:
    """Write the list anew, if the page has a place for it.

    Args:
        root: of the repository.
        text: of the params.yaml that the runs start from.

    Raises:
        UserError: for another study whose file is wrong.
    """
    page = root / "docs" / "studies.md"
    if not page.is_file():
        return
    lines = ["| study | question | runs |", "|---|---|---|"]
    for path in sorted((root / "studies").glob("*.yaml")):
        name, study = load(path)
        every = cells(name, study, text)
        there = len(every) - len(missing(every, read_rows(path.with_suffix(".csv"))))
        answer = root / "docs" / "studies" / f"{name}.md"
        shown = f"[{name}](studies/{name}.md)" if answer.is_file() else name
        lines.append(f"| {shown} | {literal(study.question)} | {there} of {len(every)} |")
    new = insert(page.read_text(encoding="utf-8"), "\n".join(lines) + "\n", BEGIN)
    with open_replacing(page) as file:
        file.write(new)
