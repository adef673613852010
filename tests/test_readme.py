"""The commands of README and docs work: each is run here, or stands below with the reason why not.

One clone, a page at a time: a later page finds what an earlier one left.
"""

import re
from pathlib import Path

import pytest

from .clone import Clone
from .conftest import ROOT
from .remotes import Existing

PAGES = (
    "README.md",
    "docs/pipeline.md",
    "docs/data.md",
    "docs/explorer.md",
    "docs/watching.md",
    "docs/recipe.md",
    "docs/positions.md",
    "docs/lengths.md",
    "docs/comparing.md",
    "docs/failures.md",
    "docs/explain.md",
    "docs/huggingface.md",
    "docs/reproducing.md",
    "docs/speed.md",
    "docs/scaling.md",
    # Last: its experiment is on other data, and what is published is of one data set.
    "docs/formats.md",
)

# A page, or a command: why it is not run here.
NOT_RUN = {
    "docs/devices.md": "several hosts and launchers; tests/training/test_distributed.py",
    "docs/experts.md": "a training; tests/training/test_resume.py has one with biases",
    "docs/recipes.md": "thousands of steps; tests/scripts/test_recipes.py checks the files",
    "docs/records.md": "nine runs; tests/scripts/test_records.py",
    "docs/sharing.md": "wants servers; tests/test_sharing.py runs it against some",
    "docs/strange-files.md": "minutes of mutated files; tests/test_fuzz.py",
    "docs/studies.md": "many runs; tests/study/test_study.py has a few",
    "docs/sweeping.md": "wants many runs and a cluster; tests/sweep has them",
    "docs/tour.md": "Python; tests/test_tour.py compares what each block prints, too",
    "docs/your-own-data.md": "tests/test_your_own_data.py compares what each command says, too",
    "make test": "runs this test",
    "make verify": "trains the default run; tests/scripts/test_verify.py",
    "tensorboard --logdir runs": "a server, which does not end",
    "dvc exp run --queue -S model=gpt2,llama2,mixtral": "three runs; tests/test_dvc.py queues them",
    "dvc queue start": "leaves a worker behind",
    "python -m src.sweep --jobs 2 --cpus-per-run 1 --models gpt2,llama2,mixtral --seeds 0,1,2": (
        "nine runs; tests/sweep/test_local.py has three"
    ),
    "python -m src.compare --with FOLDER": "wants a folder; tests/compare/test_folders.py",
    "dvc plots diff gpt2-seed0 llama2-seed0 mixtral-seed0": "wants three runs; main is compared",
}


def blocks(page: str, language: str) -> list[str]:
    """The text of each block of a page."""
    text = (ROOT / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def commands(page: str) -> list[str]:
    """The lines of a page's blocks that are run, without their comments."""
    lines = [line for text in blocks(page, "bash") for line in text.splitlines()]
    found = [line.split("  #")[0].rstrip() for line in lines]
    return [command for command in found if command not in NOT_RUN]


def test_every_page_is_run_or_has_its_reason() -> None:
    pages = {str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md")} | {"README.md"}
    assert {*PAGES, *(name for name in NOT_RUN if name in pages)} == pages
    text = "".join((ROOT / page).read_text() for page in PAGES)
    assert all(name in text for name in NOT_RUN if name not in pages)
    assert len([command for page in PAGES for command in commands(page)]) > 20


@pytest.mark.slow
def test_the_commands_work_one_after_another(tmp_path: Path) -> None:
    # make takes a space for the end of a name.
    tmp_path = tmp_path / "a b"
    tmp_path.mkdir()
    clone = Clone(tmp_path)
    Existing(tmp_path)
    clone("git", "branch", "--move", "--force", "main")
    for line in [command for page in PAGES for command in commands(page)]:
        if "EXPERIMENT" in line:
            line = line.replace("EXPERIMENT", clone("dvc", "exp", "list", "--name-only").split()[0])
        said = clone("bash", "-c", line)
        if line == "make repro":
            clone.commit()
        elif "src.predict" in line:
            assert re.search(r"^\d+[+*]\d+=\S*  (right|wrong, \d+)", said, re.M)
        if "src.eval --ckpt" in line or line.startswith("dvc exp run -S"):
            # The pipeline's own results again.
            clone("git", "checkout", "--quiet", ".")
            clone("dvc", "checkout", "--force")
    assert (tmp_path / "runs" / "attention.png").stat().st_size > 0
    assert "| test |" in (tmp_path / "runs" / "hf" / "README.md").read_text()
    python, _lens = (text for page in PAGES for text in blocks(page, "python"))
    clone("python", "-W", "ignore", "-c", python)
