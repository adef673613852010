"""The report shows the insides of its own runs, and no others."""

from dataclasses import replace
from pathlib import Path

import pytest

from src.common.errors import UserError
from src.compare import commits
from src.explain.explaining import explained as tables_of
from src.explain.subjects import Subject, opened
from src.explain.tables import joined, read, write
from src.report.explain import explained
from src.report.page import Figure, Section, render

from ..compare.test_tables import run_of
from ..explain.conftest import learned_model
from ..explain.test_explain import trained
from .test_report import Page, compared

WEIGHTS = {"llama2": "one.dir", "mixtral": "other.dir"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of two models."""
    out = tmp_path_factory.mktemp("explain")
    found = []
    for name, weights in WEIGHTS.items():
        path = trained(out, name, learned_model)
        found.append(tables_of(opened(Subject(f"{name}-seed0", path, weights)), 0, 200, 60, 10))
    write(out, joined(found))
    return out


def sections(folder: Path, **weights: str) -> list[Section]:
    runs = [replace(run_of(name, 0, 1), weights=value) for name, value in weights.items()]
    return explained(folder, compared(runs))


def titles(section: Section) -> list[str]:
    return [figure.title for figure in section.figures]


def test_a_run_that_was_explained_has_a_section_and_another_checkpoint_is_told(
    folder: Path,
) -> None:
    one, other = sections(folder, llama2="one.dir", mixtral="trained again.dir")
    assert one.title == "Inside llama2-seed0"
    (digest,) = read(folder)["models"].query("model == 'llama2-seed0'")["sha256"]
    assert digest[:12] in one.text[0]
    assert titles(one) == [
        "What each head looks at",
        "Where the carry can be read",
        "Where the carry travels",
        "Which head moves it",
        "When each digit is known",
        "What is lost without one head",
    ]
    assert all(figure.caption.endswith(".") for figure in one.figures)
    assert other.text == [
        f"Left out: mixtral-seed0, explained in {folder}, but of another checkpoint than the runs "
        "of this report. python -m src.explain looks into these."
    ]
    assert not other.figures


def test_a_checkpoint_by_hand_is_known_by_its_bytes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand = read(folder)
    by_hand["models"] = by_hand["models"].assign(weights="")
    write(tmp_path, by_hand)
    monkeypatch.setattr(commits, "cached", lambda rev, path: folder / "llama2.ckpt")
    one, other = sections(tmp_path, llama2="one.dir")
    assert one.title == "Inside llama2-seed0"
    assert other.text[0].startswith("Left out: mixtral-seed0, ")


def test_a_mixture_has_its_experts_and_one_without_right_answers_no_patches(folder: Path) -> None:
    (section,) = sections(folder, **WEIGHTS)[1:]
    assert titles(section)[-3:] == [
        "What is lost without one expert, silent",
        "What is lost without one expert, rerouted",
        "Whom a carry calls",
    ]
    assert "Where the carry travels" not in titles(section)


def test_the_pictures_have_the_numbers_of_the_tables(folder: Path) -> None:
    section = sections(folder, llama2="one.dir")[0]
    html = render("Inside", [section])
    assert html == render("Inside", [section])
    assert Page(html).tags["figure"] == Page(html).tags["svg"] == 6
    roles = read(folder)["roles"]
    asked = "model == 'llama2-seed0' and answer_digits == 3 and place == 2"
    (row,) = roles.query(f"{asked} and layer == 1 and head == 1").to_dict("records")
    cells = {(cell["name"], cell["role"]): cell["percent"] for cell in shown(section.figures[0])}
    assert cells["1.1", "a p"] == f"{100 * row['a_same']:.0f}".lstrip("0")
    assert len(cells) == 4 * 10
    order = dict.fromkeys(cell["token"] for cell in shown(section.figures[2]))
    assert set(order) <= {"a2", "a1", "+", "b2", "b1", "=", "s3"}


def shown(figure: Figure) -> list[dict[str, str]]:
    """The cells of a figure."""
    datasets = figure.chart.to_dict()["datasets"].values()
    return [cell for rows in datasets for cell in rows]


def test_without_tables_there_is_no_section_and_damaged_ones_are_told(
    tmp_path: Path, folder: Path
) -> None:
    assert sections(tmp_path, llama2="one.dir") == []
    for path in folder.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "lens.csv").write_text("model\n")
    with pytest.raises(UserError, match=r"lens.csv: has no column answer_digits; explain again"):
        sections(tmp_path, llama2="one.dir")
