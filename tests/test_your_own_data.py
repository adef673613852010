"""docs/your-own-data.md from top to bottom: each command says what stands below it."""

import re
import shutil
from itertools import takewhile
from pathlib import Path

import pytest

from .clone import Clone
from .conftest import ROOT

RECIPE = (ROOT / "docs" / "your-own-data.md").read_text()
# Each command with what it says; weights, and so all figures of a model, differ between machines.
BLOCKS = re.findall(r"^```bash\n(.*?)^```$(?:\n\n^```\n(.*?)^```$)?", RECIPE, re.M | re.S)
OF_A_MODEL = ("python -m src.train", "python -m src.eval")


def test_the_recipe_is_found() -> None:
    assert len(BLOCKS) == 12
    assert sum(bool(said) for _, said in BLOCKS) == 10


@pytest.mark.slow
def test_the_recipe_works_from_top_to_bottom(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    clone.commit()
    for commands, expected in BLOCKS:
        # A model that was trained for a moment is as good an example.
        quick = commands.replace(
            "max_steps: 1000, warmup_steps: 50", "max_steps: 8, warmup_steps: 2"
        )
        said = clone("bash", "-c", quick, code=2 if "error: " in expected else 0)
        if any(command in commands for command in OF_A_MODEL):
            figures = re.compile(r"[0-9][0-9,.]*|\s+|─+|━+")
            lines = [figures.sub("#", line) for line in said.splitlines()]
            # What follows the first prediction depends on how good the model is.
            known = takewhile(lambda line: "prediction: " not in line, expected.splitlines())
            for line in map(str.strip, known):
                if line != "...":
                    assert figures.sub("#", line.removesuffix("...").rstrip()) in "\n".join(lines)
        else:
            assert said == expected
    assert clone("git", "diff", "HEAD", "--stat") == ""
