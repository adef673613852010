"""The report shows the runs' figures, needs no other file, and says what is missing."""

import html.parser
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from src.common.errors import UserError
from src.compare import commits
from src.compare.comparison import Comparison
from src.compare.experiments import Experiment
from src.compare.grouping import data_sets
from src.report.__main__ import main, page
from src.report.error_kinds import KINDS
from src.report.pooling import pooled, stacked

from ..compare.test_grouping import DEFAULTS
from ..compare.test_tables import run_of
from ..conftest import ROOT

HOSTILE = "</script><script>alert('1 & 2')</script>\" onload=\"alert(1)\x1b[2J\x00\ud800"
ERRORS = "prompt,target,said,split\n1+2=,3,007,test\n50+51=,101,11,unseen\n9+90=,99,,train\n"
FILES = {
    "metrics/train.csv": "step,loss,learning_rate\n1,2.5,0.1\n2,0.5,0.1\n3,0.0,0.1\n",
    "metrics/val.csv": "step,loss,exact_match\n1,2.0,0.0\n3,0.1,0.9\n",
    "metrics/by_carries.csv": "carries,problems,wrong,exact_match,low,high\n"
    "0,600,30,0.95,0.93,0.97\n1,400,10,0.975,0.95,0.99\n",
    "metrics/by_sign.csv": "sign,problems,wrong,exact_match,low,high\n",
    "metrics/errors.csv": ERRORS,
    "metrics/exhaustive.csv": "split,kind,value,problems,wrong,exact_match,low,high\n",
}
ALL_PROBLEMS = (
    "split,kind,value,problems,wrong,exact_match,low,high\n"
    "train,all,all,800,1,0,0,1\ntest,all,all,1000,1,0,0,1\nunseen,all,all,8200,1,0,0,1\n"
    "test,carries,0,1000,1,0,0,1\nunseen,carries,0,5000,1,0,0,1\nunseen,carries,1,3200,0,0,0,1\n"
)
EXPERTS = {
    "metrics/val.csv": "step,loss,exact_match,router_entropy_0,expert_load_0_0,expert_load_0_1\n"
    "1,2.0,0.1,0.69,0.5,0.5\n3,0.1,0.9,0.4,0.75,0.25\n",
    "metrics/routing.csv": "layer,position,token,expert,share,assignments\n"
    "0,0,<bos>,1,1.0,9\n0,1,5,0,0.25,1\n0,1,5,1,0.75,3\n",
}


def initialised(folder: Path) -> Path:
    """A repository without a commit."""
    (folder / ".dvc").mkdir()
    (folder / ".dvc" / "config").touch()
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return folder


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository, as the current directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commits, "ROOT", tmp_path)
    return initialised(tmp_path)


def compared(runs: list[Experiment], *notes: str) -> Comparison:
    """What `comparison.load` would make of runs."""
    return Comparison(["0" * 40], data_sets(runs, DEFAULTS), list(notes))


def finished(
    repository: Path, run: Experiment, files: dict[str, str], **params: dict[str, Any]
) -> Experiment:
    """The run, with a commit that contains its files."""
    for path in repository.glob("metrics/*"):
        path.unlink()
    for name, text in files.items():
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text(text)
    author = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["add", "--all"], [*author, "commit", "--quiet", "--allow-empty", "-m", "run"]):
        subprocess.run(["git", *command], cwd=repository, check=True)
    head = ["git", "rev-parse", "HEAD"]
    rev = subprocess.run(head, cwd=repository, check=True, capture_output=True, text=True).stdout
    changed = run.params | {key: run.params[key] | values for key, values in params.items()}
    return replace(run, rev=rev.strip(), params=changed)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Comparison]]:
    """A repository as the current directory, and its experiments.

    Two seeds of one architecture, one of a mixture that was asked all problems.
    """
    repository = initialised(tmp_path_factory.mktemp("report"))
    first = replace(run_of("gpt2", 0, 240, note=HOSTILE), name=HOSTILE)
    lacking = {k: v for k, v in FILES.items() if "carries" not in k}
    mixture = FILES | EXPERTS | {"metrics/exhaustive.csv": ALL_PROBLEMS}
    graded = run_of("mixtral", 0, 1, exhaustive_problems=10_000)
    runs = [
        finished(repository, first, FILES),
        finished(repository, run_of("gpt2", 1, 8), lacking),
        finished(repository, graded, mixture),
    ]
    with chdir(repository), pytest.MonkeyPatch.context() as patch:
        patch.setattr(commits, "ROOT", repository)
        yield repository, compared(runs, "Left out: late, which is running.", HOSTILE)


@pytest.fixture(scope="module")
def text(shared: tuple[Path, Comparison]) -> str:
    """Their page."""
    return page(shared[1])


class Page(html.parser.HTMLParser):
    """What a page consists of and refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.references: list[str] = []
        self.attributes: set[str] = set()
        self.titles: list[str] = []
        self.cells: list[str] = []
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self._in = tag
        self.attributes |= dict(attrs).keys()
        self.cells += [""] * (tag in ("th", "td"))
        self.references += [
            value or "" for name, value in attrs if name in ("href", "src", "xlink:href")
        ]

    def handle_data(self, data: str) -> None:
        if self._in == "h3":
            self.titles.append(data)
        elif self._in in ("th", "td"):
            self.cells[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._in = ""


def test_the_page_loads_nothing_and_runs_nothing(text: str) -> None:
    found = Page(text)
    assert not found.tags.keys() & {"script", "img", "iframe", "object", "embed", "use"}
    # An empty icon: without it, a browser asks the server for one.
    assert (found.tags["link"], found.references.pop(0)) == (1, "data:,")
    assert found.references
    assert all(reference.startswith("#") for reference in found.references)
    assert "@import" not in text
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)", text))
    assert set(re.findall(r"https?://[^\s\"<]+", text)) <= {"http://www.w3.org/2000/svg"}
    # Markup in a run's name is shown as text, and what cannot be shown is spelled out.
    assert "&lt;script&gt;" in text
    assert "on" not in {name[:2] for name in found.attributes}
    assert {c for c in text if not c.isprintable()} == {"\n"}
    assert text.count(r"\x1b[2J\x00\ud800") > 5


def test_the_same_experiments_give_the_same_bytes(
    text: str, shared: tuple[Path, Comparison]
) -> None:
    repository, experiments = shared
    assert page(experiments) == text
    assert str(repository) not in text
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len(set(ids))


def test_every_figure_is_there_and_what_is_missing_is_left_out(text: str) -> None:
    found = Page(text)
    assert found.titles == [
        "Wrong of the 1,000 test problems, which were kept from training",
        "Wrong of all 10,000 problems, those of training included",
        "Number of carries",
        "mixtral, over both operands",
        "Wrong answers in validation",
        "Loss in validation",
        "Loss in training",
        "Load of the experts",
        "Entropy of the router",
        "Who serves what in layer 0",
    ]
    assert found.tags["figure"] == found.tags["svg"] == found.tags["figcaption"] == 10
    assert "Left out: late, which is running." in text
    assert "3 of 10,000 wrong" in text
    # A wrong answer keeps its leading zeros.
    assert ">007</td>" in text
    assert "1 of 8,200 (0.0122%)" in text


def test_every_cell_says_something(text: str) -> None:
    cells = Page(text).cells
    assert len(cells) > 200
    assert not {"", "-"} & {cell.strip() for cell in cells}
    assert {"few seeds", "not there", "none"} <= set(cells)


def test_the_answer_comes_first(text: str) -> None:
    shown = re.sub(r"<[^>]*>", " ", text.partition("<nav")[0].partition("<h1>")[2])
    said = " ".join(html.unescape(shown.partition("Wrong of the")[0]).split())
    assert said.startswith(
        "Arithmetic learned by gpt2, mixtral Which is better No architecture is shown to be better."
        " This is about these weights only: it takes 3 seeds to say more. "
        "Wrong answers, mean of the seeds, of the 1,000 test problems, which were kept from "
        "training: gpt2 124 (12 %), mixtral 1 (0.1 %); of all 10,000 problems, those of training "
        "included: mixtral 3 (0.03 %)."
    )
    for part in (
        "No difference shown between gpt2 and mixtral (p = 1); these weights only (1 seed).",
        "Cost: active parameters 700,000; training FLOPs 2.00e+12; seconds of training 90 on A "
        "processor.",
        "Runs: 2 of gpt2, 1 of mixtral; on an unknown machine",
        "Each learned to calculate with 2 numbers from 0 to 99",
    ):
        assert part in said


def test_wrong_answers_are_counted_by_kind_with_an_example(repository: Path) -> None:
    errors = "prompt,target,said,split\n" + "48+17=,65,55,test\n" * 15 + "1+2=,3,,test\n" * 6
    runs = [
        finished(repository, run_of("gpt2", 0, 21), {"metrics/errors.csv": errors}),
        finished(repository, run_of("llama2", 0, 3), {"metrics/errors.csv": ERRORS}),
    ]
    found = Page(page(compared(runs)))
    assert "How often" in found.titles
    cells = found.cells[found.cells.index("kind") :]
    table = [cells[i : i + 4] for i in range(0, 20, 5)]
    assert table == [
        ["kind", "gpt2", "llama2", "example"],
        # The others of llama2 are no test problems.
        ["no number", "6", "0", "1+2=(nothing), right is 3"],
        ["carry dropped", "15", "0", "48+17=55, right is 65"],
        ["one digit off", "0", "1", "1+2=007, right is 3"],
    ]


def test_of_nearly_perfect_runs_all_problems_are_looked_into(repository: Path) -> None:
    errors = "prompt,target,said,split\n" + "48+17=,65,55,unseen\n" * 30
    counts = ALL_PROBLEMS.replace("unseen,carries,1,3200,0", "unseen,carries,1,3200,30")
    files = {"metrics/errors.csv": errors, "metrics/exhaustive.csv": counts}
    graded = run_of("gpt2", 0, 0, exhaustive_problems=10_000)
    runs = [
        finished(repository, graded, files),
        finished(repository, run_of("llama2", 0, 0), {"metrics/errors.csv": ERRORS}),
    ]
    text = page(compared(runs))
    # Test and unseen problems together; the run that was not asked all is not there.
    for count in ("30 of 3,200", "2 of 6,000"):
        assert count in text
    assert text.count("Not asked all problems, and so left out here: llama2-seed0.") == 2
    cells = Page(text).cells
    start = cells.index("kind")
    assert cells[start : start + 8] == [
        *("kind", "gpt2", "example", "meaning"),
        *("carry dropped", "30", "48+17=55, right is 65", KINDS["carry dropped"]),
    ]


def test_runs_without_figures_still_have_a_page(repository: Path) -> None:
    files = {"metrics/errors.csv": ERRORS}
    runs = [
        finished(repository, run_of("gpt2", 0, 1), files),
        finished(repository, run_of("llama2", 0, 1), files),
    ]
    text = page(compared(runs))
    assert text.count("<figure") == 1
    for sentence in (
        "The runs were too short to leave any.",
        "No run graded all problems",
        "None of the runs is a mixture of experts.",
        "There are too few wrong answers to the test split to see where.",
    ):
        assert sentence in text


def test_flawless_runs_have_a_page(repository: Path) -> None:
    files = {"metrics/errors.csv": "prompt,target,said,split\n"}
    runs = [finished(repository, run_of(name, 0, 0), files) for name in ("gpt2", "llama2")]
    text = page(compared(runs))
    assert "0 (seed 0)" in text
    assert "No answer to the test problems is wrong." in text


def test_each_file_is_read_once(
    text: str, shared: tuple[Path, Comparison], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*words: str) -> str:
        raise AssertionError(words)

    # All was read for the page before, and what is not there was looked for.
    monkeypatch.setattr(commits, "git", none_left)
    assert page(shared[1]) == text


def test_more_than_two_operands_have_no_map(repository: Path) -> None:
    files = FILES | {"metrics/exhaustive.csv": ALL_PROBLEMS}
    run = run_of("gpt2", 0, 1, exhaustive_problems=10_000)
    text = page(compared([finished(repository, run, files, data={"N": 3})]))
    assert "Problems of 3 operands do not fit on a map over two." in text
    assert "over both operands</h3>" not in text


def test_runs_whose_answers_are_lost_are_shown_without_them(repository: Path) -> None:
    whole = finished(repository, run_of("gpt2", 0, 3), {"metrics/errors.csv": ERRORS})
    lost = finished(repository, run_of("gpt2", 1, 4), {"metrics/val.csv": FILES["metrics/val.csv"]})
    text = page(compared([whole, lost]))
    assert "gpt2-seed1" in text
    assert "gpt2-seed0 (gpt2): 3 wrong" in text
    assert "gpt2-seed1 (gpt2)" not in text
    assert "Wrong answers, one by one" not in page(compared([lost]))


def test_each_data_set_has_sections_of_its_own(repository: Path) -> None:
    files = {"metrics/errors.csv": ERRORS}
    runs = [finished(repository, run_of("gpt2", seed, 3), files) for seed in (0, 1)]
    other = finished(repository, replace(run_of("llama2", 0, 3), data="d2"), files)
    text = page(compared([*runs, other]))
    assert ">Which is better</h2>" in text
    assert ">Which is better (data d2)</h2>" in text
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len(set(ids))


def test_nothing_finished_is_told(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finished(repository, run_of("gpt2", 0, 1), {"params.yaml": "a: 1", "dvc.yaml": "stages: {}"})
    with pytest.raises(UserError, match="no experiment of this commit"):
        main([])
    assert not (repository / "report.html").exists()


def test_the_report_needs_no_torch() -> None:
    names = ("answer", "experts", "explain", "failures", "mistakes", "overview", "page", "svg")
    modules = ["src.compare.experiments", *(f"src.report.{name}" for name in (*names, "__main__"))]
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert "src.report.__main__" in loaded.split()
    assert not {"torch", "pytorch_lightning"} & set(loaded.split())


def test_seeds_are_added_up(shared: tuple[Path, Comparison]) -> None:
    found = shared[1].data_sets[0].groups
    groups = {"mixtral": found["mixtral"], "gpt2": found["gpt2"]}
    counts = stacked(groups, "metrics/by_carries.csv").rename(columns={"carries": "value"})
    assert counts["run"].tolist() == ["mixtral-seed0"] * 2 + [HOSTILE] * 2
    twice = pd.concat([counts, counts[counts["label"] == "gpt2"]])
    table = pooled(twice.assign(lane=twice["label"]))
    assert table[["value", "lane", "count"]].to_numpy().tolist() == [
        [0, "mixtral", "30 of 600"],
        [0, "gpt2", "60 of 1,200"],
        [1, "mixtral", "10 of 400"],
        [1, "gpt2", "20 of 800"],
    ]
    assert stacked(groups, "metrics/by_sign.csv").empty
    assert stacked(groups, "metrics/nothing.csv").empty
