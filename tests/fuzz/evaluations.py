"""What an evaluation by hand left, read to be compared with experiments."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

from src.compare.comparison import Comparison
from src.compare.evaluated import load_folder
from src.compare.grouping import data_sets
from src.compare.tables import markdown, to_json

from ..compare.test_grouping import DEFAULTS, experiment
from ..compare.test_tables import run_of
from . import nested
from .mutations import text
from .reader import Reader, WrongError

SHA = "ab" * 32
OURS = run_of("llama2", 0, 5).metrics


def make(folder: Path) -> list[Path]:
    """A folder for each of its files."""
    kept = ["architecture", "exact_match", "exact_match_low", "exact_match_high", "problems"]
    kept += ["wrong", "loss", "parameters", "active_parameters"]
    contents = {
        "about.json": json.dumps({"name": "mine", "test_sha256": SHA}),
        "eval.json": json.dumps({key: OURS[key] for key in kept} | {"exhaustive_problems": 9}),
        "errors.csv": "prompt,target,said,split\n1+2=,3,4,test\n",
        "exhaustive.csv": "kind,value,problems,wrong\nall,all,9,1\noperand_lengths,1+2,9,1\n",
        # Of the experiment beside it, whose data is described there.
        "config.yaml": f"sha256: {{test: {SHA}}}\n",
    }
    whole = folder / "whole"
    whole.mkdir()
    for name, content in contents.items():
        (whole / name).write_text(content)
    for name in contents:
        shutil.copytree(whole, folder / name)
    (whole / "about.json").write_text(json.dumps({"name": "whole", "test_sha256": SHA}))
    return [folder / name / name for name in list(contents)[:4]]


def changed(valid: bytes, chance: random.Random) -> bytes:
    """Bytes changed, or entries of what is JSON."""
    if valid.startswith(b"{") and chance.random() < 0.6:
        return json.dumps(nested.mutate(json.loads(valid), chance)).encode()
    return text(valid, chance)


def read(path: Path) -> str:
    """The tables of a comparison with an experiment, and with another evaluation."""
    whole = path.parent.parent / "whole"
    described = experiment("llama2-x", metrics=OURS, folder=whole)
    others = [load_folder(folder, [described]) for folder in (path.parent, whole)]
    runs = [experiment("llama2-x", metrics=OURS), *others]
    return markdown(to_json(Comparison(["1" * 40], data_sets(runs, DEFAULTS), [])))


def are_tables(path: Path, valid: bytes, tables: str) -> None:
    """Each row of a table has as many cells as its heading."""
    cells = 0
    for line in tables.splitlines():
        here = line.replace(r"\|", "").count("|")
        if not line.isprintable():
            raise WrongError("raw control characters in the tables")
        if here and cells and here != cells:
            raise WrongError("a row of more or fewer cells")
        cells = here


READERS = {"evaluation": Reader(make, changed, read, are_tables)}
