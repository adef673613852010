"""A stranger's study from nothing to its page, killed in between."""

import os
import signal
import time
from pathlib import Path

import pytest

from src.study.rows import read_rows

from ..clone import Clone, wait_for
from ..sweep.test_sweep import Node, nodes

__all__ = ["nodes"]

pytestmark = pytest.mark.slow

STUDY = ("python", "-m", "src.study", "studies/mine.yaml")
MINE = """\
question: Do reversed answers make it easier?
expected: Yes.
axes:
  data.format: [plain, reverse]
  graded: {all: {evaluation.exhaustive: true}, test: {}}
seeds: [0]
measure: exact_match
charts: [{title: All runs}]
quick: {axes: {data.format: [plain], graded: {test: {}}}}
"""


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    folder = tmp_path / "a b"
    folder.mkdir()
    clone = Clone(folder)
    (clone.folder / "studies" / "mine.yaml").write_text(MINE)
    return clone


def test_killed_it_goes_on_and_what_has_a_row_is_not_run_again(clone: Clone) -> None:
    rows = clone.folder / "studies" / "mine.csv"
    first = clone.start(*STUDY, "--jobs", "1")
    wait_for(rows.exists)
    os.killpg(first.pid, signal.SIGKILL)
    said = first.communicate()[0].splitlines()
    assert said[0] == "4 runs, 0 of them in studies/mine.csv"
    there = rows.read_text().splitlines()

    said = clone(*STUDY, "--page").splitlines()
    assert said[-1] == "page: docs/studies/mine.md"
    assert "1 of 4 runs have" in (clone.folder / said[-1].removeprefix("page: ")).read_text()

    said = clone(*STUDY).splitlines()
    assert said[0] == f"4 runs, {len(there) - 1} of them in studies/mine.csv"
    assert said[1].startswith("3 to run, 2 at a time: about ")
    assert any("mine-plain-test-seed0" in line and "finished" in line for line in said)
    assert not any("mine-plain-all-seed0" in line for line in said)
    assert set(there) <= set(rows.read_text().splitlines())
    table = read_rows(rows)
    assert table["place"].tolist() == [
        f"data.format={f} graded={g}" for f in ("plain", "reverse") for g in ("all", "test")
    ]
    # Trained once, graded twice.
    assert table["val_loss"].nunique() == 2
    assert (table["exhaustive_problems"] == "").tolist() == [False, True] * 2
    page = (clone.folder / "docs" / "studies" / "mine.md").read_text()
    assert "- 4 of 4 runs have finished" in page
    # Rows stand for the experiments, which are gone, and nothing else was changed.
    assert clone("git", "for-each-ref", "refs/exps") == ""
    changed = clone("git", "status", "--porcelain", "--untracked-files=all").splitlines()
    assert {line[3:] for line in changed} == {
        *("studies/mine.csv", "studies/mine.yaml"),
        *("docs/studies.md", "docs/studies/mine.md", "docs/studies/mine-1.svg"),
    }

    began = time.monotonic()
    said = clone(*STUDY).splitlines()
    assert said[0] == "4 runs, 4 of them in studies/mine.csv"
    assert len(said) == 2
    assert time.monotonic() - began < 30


def test_the_small_version_and_the_plan_leave_the_study_alone(clone: Clone) -> None:
    said = clone(*STUDY, "--dry").splitlines()
    assert [line.split()[0] for line in said[2:]] == ["missing"] * 4
    said = clone(*STUDY, "--quick", "--keep").splitlines()
    assert said[0] == "1 runs, 0 of them in runs/studies/mine-quick/mine.csv"
    assert said[-1] == "page: runs/studies/mine-quick/mine.md"
    assert clone.revision("mine-plain-test-seed0-" + said[2].partition("seed0-")[2][:6])
    assert not (clone.folder / "studies" / "mine.csv").exists()
    assert not (clone.folder / "docs" / "studies" / "mine.md").exists()


def test_its_runs_come_back_from_a_cluster(
    clone: Clone, tmp_path: Path, nodes: tuple[str, Node]
) -> None:
    clone("git", "init", "--quiet", "--bare", str(tmp_path / "hub.git"))
    clone("git", "remote", "add", "hub", str(tmp_path / "hub.git"))
    clone("dvc", "remote", "add", "--local", "--default", "store", str(tmp_path / "store"))
    clone.commit()
    clone("git", "push", "--quiet", "hub", "HEAD")
    flags = ("--address", nodes[0], "--git-remote", "hub", "--runs-dir", str(tmp_path / "runs"))
    said = clone(*STUDY, "--quick", *flags)
    assert "mine-plain-test-seed0-" in said
    assert said.endswith("page: runs/studies/mine-quick/mine.md\n")
    (row,) = read_rows(clone.folder / "runs/studies/mine-quick/mine.csv").to_dict("records")
    assert row["place"] == "data.format=plain graded=test"
    assert float(row["exact_match"]) >= 0
    assert clone("git", "for-each-ref", "refs/exps") == ""
