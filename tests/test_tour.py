"""docs/tour.md typed from top to bottom: each block prints what stands below it."""

import ast
import code
import hashlib
import io
import json
import re
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

from .clone import Clone
from .conftest import ROOT
from .remotes import Existing

TOUR = (ROOT / "docs" / "tour.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$(?:\n\n^```\n(.*?)^```$)?", TOUR, re.M | re.S)
NUMBER = re.compile(r"\d+\.\d+")
KINDS = ("code", "markdown")


def test_the_tour_is_found() -> None:
    assert len(BLOCKS) == TOUR.count("```python") > 15
    assert all(said for _, said in BLOCKS)
    assert all(len(typed.splitlines()) <= 18 for typed, _ in BLOCKS)


def has_the_committed_model() -> bool:
    """Whether models/ is what dvc.lock says: DVC's hash of a folder is that of its listing."""
    files = sorted((ROOT / "models").glob("*"))
    listing = [
        {"md5": hashlib.md5(file.read_bytes()).hexdigest(), "relpath": file.name} for file in files
    ]
    stages = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]
    digest = hashlib.md5(json.dumps(listing, sort_keys=True).encode()).hexdigest()
    return str(stages["train"]["outs"][0]["md5"]) == f"{digest}.dir"


def compare(said: str, expected: str) -> None:
    """Equal but for the last digit of what was rounded, as machines round differently."""
    assert NUMBER.sub("#", said) == NUMBER.sub("#", expected)
    for number, other in zip(NUMBER.findall(said), NUMBER.findall(expected), strict=True):
        digits = len(other.partition(".")[2])
        assert float(number) == pytest.approx(float(other), abs=1.01 * 10**-digits)


def test_each_block_prints_what_stands_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    console = code.InteractiveConsole(names := dict[str, Any]())
    as_committed = has_the_committed_model()
    for typed, expected in BLOCKS:
        with redirect_stdout(io.StringIO()) as said, redirect_stderr(io.StringIO()) as complaints:
            # Line by line, as a person would: a blank line ends what is indented.
            for line in [*typed.splitlines(), ""]:
                console.push(line)
        assert complaints.getvalue() == ""
        # The last blocks ask whichever trained model there is.
        if "model" not in names or as_committed:
            compare(said.getvalue(), expected)


def test_every_name_is_in_the_file_that_it_is_said_to_be_in() -> None:
    places = re.findall(r"((?:`[\w.]+`,? )+)in \[([\w/.]+)\]\(\.\./\2\)", TOUR)
    assert len(places) > 15
    for names, path in places:
        defined = set()
        for node in ast.parse((ROOT / path).read_text()).body:
            targets = getattr(node, "targets", [getattr(node, "target", node)])
            name = getattr(targets[0], "id", getattr(node, "name", ""))
            inner = [getattr(each, "name", "") for each in getattr(node, "body", [])]
            defined |= {name, *(f"{name}.{each}" for each in inner)}
        assert set(re.findall(r"[\w.]+", names)) <= defined, path


def test_make_writes_it_as_a_notebook_that_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    clone = Existing(Clone(tmp_path / "a b").folder)
    clone("make", "notebook")
    path = clone.folder / "tour.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = {kind: [c.source for c in notebook.cells if c.cell_type == kind] for kind in KINDS}
    assert cells["code"] == [typed.rstrip() for typed, _ in BLOCKS]
    text = "\n".join(cells["markdown"])
    assert all(said in text for _, said in BLOCKS)
    # From the notebook's place, from which src can be imported, too.
    links = re.findall(r"\]\(([^)#]+)\S*\)", text)
    assert len(links) == TOUR.count("](../")
    assert all((clone.folder / link).exists() for link in links)
    assert clone("git", "status", "--porcelain") == ""

    path.write_text("what somebody wrote into it")
    said, _ = clone("make", "notebook", code=2).splitlines()
    assert said == "error: tour.ipynb is there already: rename or remove it first"
    assert path.read_text() == "what somebody wrote into it"
