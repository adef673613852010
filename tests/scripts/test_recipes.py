"""The recipes: each file is the same run as its dvc exp run, and the table shows its results."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from scripts.recipes import BEGIN, CONFIGS, PAGE, command, main, recipes, table
from src.common.errors import UserError
from src.common.marked_section import END, insert
from src.params import PARAMS_FILE, load_params


@pytest.mark.parametrize("config", recipes(), ids=lambda path: path.stem)
def test_the_line_in_each_file_is_the_same_run(config: Path, tmp_path: Path) -> None:
    lines = re.findall(r"^# (dvc exp run .*)$", config.read_text(), re.MULTILINE)
    assert lines == [command(config)]
    # What DVC would write into params.yaml.
    content = yaml.safe_load(PARAMS_FILE.read_text())
    words = shlex.split(lines[0])
    assert words[:5] == ["dvc", "exp", "run", "--name", config.stem]
    for flag, change in zip(words[5::2], words[6::2], strict=True):
        assert flag == "-S"
        key, _, value = change.partition("=")
        *sections, last = key.split(".")
        place = content
        for section in sections:
            place = place[section]
        place[last] = value if isinstance(place[last], str) else yaml.safe_load(value)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    assert load_params(tmp_path / "params.yaml") == load_params(config)


def test_there_is_one_for_each_operator() -> None:
    configs = {path.stem: load_params(path) for path in recipes()}
    assert {params.data.ops for params in configs.values()} >= {"-", "+-", "*", "/", "+-*/"}
    assert any(params.data.N == 3 for params in configs.values())


def ended_at(run: Path) -> None:
    """Write the files that training and evaluation of a recipe write in the folder of its name."""
    (run / "eval").mkdir(parents=True)
    params = load_params(CONFIGS / f"{run.name}.yaml")
    used = {"model": params.model_config_in_use, "training": params.training}
    content = {name: section.model_dump() for name, section in used.items()}
    (run / "config.yaml").write_text(yaml.safe_dump(content))
    (run / "train.json").write_text(json.dumps({"steps": 4000, "steps_to_99": None}))
    graded = {
        "exact_match": 0.99,
        "exact_match_low": 0.98,
        "exact_match_high": 0.995,
        "wrong": 12,
        "problems": 1200,
    }
    (run / "eval" / "eval.json").write_text(json.dumps(graded))


def test_the_table_has_a_row_for_each_run(tmp_path: Path) -> None:
    for config in recipes():
        ended_at(tmp_path / config.stem)
    rows = table(tmp_path).splitlines()[2:]
    assert [row.split("]")[0] for row in rows] == [f"| [{path.stem}" for path in recipes()]
    assert all("| 99.00% (98.00% .. 99.50%) | 12 of 1,200 | - | 4,000 |" in row for row in rows)


def test_what_was_not_run_has_no_figures(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no recipe's run; make recipes trains each recipe$"):
        table(tmp_path)
    ended_at(tmp_path / "divide")
    rows = table(tmp_path).splitlines()[2:]
    told = {row.split("]")[0].removeprefix("| ["): row for row in rows}
    assert told.pop("divide").endswith("| 99.00% (98.00% .. 99.50%) | 12 of 1,200 | - | 4,000 |")
    assert told
    assert all(row.endswith("| not run | - | - | - |") for row in told.values())


def test_a_run_of_earlier_settings_does_not_count(tmp_path: Path) -> None:
    ended_at(tmp_path / "divide")
    ended_at(tmp_path / "subtract")
    path = tmp_path / "divide" / "config.yaml"
    content = yaml.safe_load(path.read_text())
    content["training"]["max_steps"] += 1
    path.write_text(yaml.safe_dump(content))
    (divide,) = (row for row in table(tmp_path).splitlines() if row.startswith("| [divide]"))
    assert "| not run |" in divide


def test_commands_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--commands"])
    assert capsys.readouterr().out.splitlines() == [command(path) for path in recipes()]


def test_the_page_has_a_place_for_the_table() -> None:
    text = insert(PAGE.read_text(), "a table\n", BEGIN)
    assert f"{BEGIN}\na table\n{END}" in text
