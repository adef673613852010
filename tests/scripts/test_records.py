"""The records: the commits whose default runs needed less than those before them."""

import csv
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts import records
from src.common.errors import UserError
from src.compare import commits


def run_of(experiment: str, **figures: Any) -> dict[str, Any]:
    architecture = experiment.partition("-")[0]
    whole = {"steps": 3000, "training_flops": 3e12, "exact_match": 1.0}
    return {"architecture": architecture, "experiment": experiment, **whole, **figures}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository, which `git` of the commands works in."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "metrics").mkdir()
    monkeypatch.setattr(commits, "ROOT", tmp_path)
    return tmp_path


def commit(repository: Path, runs: list[dict[str, Any]], **training: Any) -> None:
    """Commit such runs, of such a recipe."""
    content = {"training": training, "models": {"gpt2": {"n_heads": 4}}}
    (repository / "params.yaml").write_text(yaml.safe_dump(content))
    commit_all(repository, runs)


def commit_all(repository: Path, runs: list[dict[str, Any]]) -> None:
    """Commit such runs, of the recipe that lies there."""
    with (repository / "metrics" / "comparison.csv").open("w") as file:
        writer = csv.DictWriter(file, list(runs[0]))
        writer.writeheader()
        writer.writerows(runs)
    subprocess.run(["git", "add", "."], cwd=repository, check=True)
    name = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *name, "commit", "-qm", "runs"], cwd=repository, check=True)


def to_99_9(*steps: int | None, **figures: Any) -> list[dict[str, Any]]:
    return [run_of(f"gpt2-seed{i}", steps_to_99_9=to, **figures) for i, to in enumerate(steps)]


def test_a_record_needs_less_than_any_before(repository: Path) -> None:
    slow, slower, fast = to_99_9(2000, 2400, 2200), to_99_9(2400, 2600, 2000), to_99_9(1000)
    for runs, size in ((slow, 64), (slower, 128), (fast, 32)):
        commit(repository, runs, batch_size=size, warmup_steps=200 - size)
    first, second = records.records(records.entries("gpt2"))
    assert (first.steps, first.flops, first.seeds) == (2200, 2.2e12, 3)
    assert (second.steps, second.flops, second.seeds) == (1000, 1e12, 1)
    assert records.changes(first, second) == "training.warmup_steps 136 → 168"


def test_less_is_fewer_steps_or_fewer_operations(repository: Path) -> None:
    large = {"training_flops": 9e12}
    for runs in (to_99_9(2000), to_99_9(1000, **large), to_99_9(1500), to_99_9(1100)):
        commit(repository, runs, batch_size=64)
    found = records.records(records.entries("gpt2"))
    assert [entry.steps for entry in found] == [2000, 1000, 1500, 1100]
    assert [entry.flops for entry in found] == [2e12, 3e12, 1.5e12, 1.1e12]


def test_a_key_that_came_later_changed_from_its_default(repository: Path) -> None:
    commit(repository, to_99_9(2000), batch_size=64)
    commit(repository, to_99_9(1000), batch_size=64, snapshots=[5])
    path = repository / "params.yaml"
    content = yaml.safe_load(path.read_text())
    content["models"]["gpt2"]["zero_init_residual"] = True
    content["data"] = {"carry_mix": 0.0, "modulus": 7, "unheard_of": 1}
    path.write_text(yaml.safe_dump(content))
    commit_all(repository, to_99_9(900))
    first, _, third = records.records(records.entries("gpt2"))
    changed = "data.modulus 0 → 7; models.gpt2.zero_init_residual false → true"
    assert records.changes(first, third) == changed


def test_half_of_the_seeds_must_come_so_far(repository: Path) -> None:
    commit(repository, to_99_9(None, None, 1000), batch_size=64)
    assert not records.records(records.entries("gpt2"))
    commit(repository, to_99_9(None, 1200, 1000), batch_size=64)
    (found,) = records.records(records.entries("gpt2"))
    assert found.steps == 1200


def test_other_runs_and_older_tables_do_not_count(repository: Path) -> None:
    commit(repository, [run_of("gpt2-seed0")], batch_size=64)
    others = [run_of("gpt2-seed0-wide", steps_to_99_9=10), run_of("llama2-seed0", steps_to_99_9=10)]
    told = [run | {"seconds": 90.0} for run in (*others, *to_99_9(1000))]
    commit(repository, told, batch_size=64)
    (found,) = records.entries("gpt2")
    assert (found.steps, found.seconds) == (1000, 30)


def test_the_table_shows_what_a_record_spent(repository: Path) -> None:
    commit(repository, to_99_9(2000), batch_size=64, learning_rate=0.002, max_steps=3000)
    told = {"seconds": 30.0, "processor": "A|B"}
    training = {"batch_size": 32, "learning_rate": 0.004, "max_steps": 3000, "optimizer": "muon"}
    commit(repository, to_99_9(1000, **told), **training)
    first, second = records.page(["gpt2"]).splitlines()[-2:]
    assert "| 2,000 | 2.00e12 | - | - | 100.00% | 1 | adamw | 0.002 | 64 | 3000 | - |" in first
    assert r"| 1,000 | 1.00e12 | 10 | A\|B | 100.00% | 1 | muon | 0.004 | 32 | 3000 | - |" in second


def test_without_records_it_says_so(repository: Path) -> None:
    commit(repository, [run_of("gpt2-seed0")], batch_size=64)
    with pytest.raises(UserError, match=r"no commit of metrics/comparison\.csv"):
        records.page(["gpt2"])


def test_the_page_is_what_the_command_writes(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commit(repository, to_99_9(2000), batch_size=64)
    page = tmp_path / "records.md"
    page.write_text(f"above\n{records.BEGIN}\nold\n<!-- end -->\nbelow\n")
    monkeypatch.setattr(records, "PAGE", page)
    monkeypatch.setattr(records, "ROOT", tmp_path)
    records.main([])
    text = page.read_text()
    assert text.startswith("above\n")
    assert text.endswith("below\n")
    assert "old" not in text
    assert "| 2,000 |" in text
