"""Results are carried over a change of code that changes none, and over no other."""

import subprocess
from pathlib import Path

import pytest
import yaml

from scripts import carry_over
from src.common.errors import UserError

from ..clone import Clone

NEW = "metrics/by_lengths.csv"
CARRY = ("python", "-m", "scripts.carry_over", "--since", "HEAD~1")


OTHER = ("dvc", "exp", "run", "--set-param", "training.seed=1")


def with_one_model(folder: Path) -> None:
    """One architecture is enough to tell, and a third of the time."""
    params = folder / "params.yaml"
    content = yaml.safe_load(params.read_text())
    content["models"] = {"llama2": content["models"]["llama2"]}
    params.write_text(yaml.safe_dump(content))


def trained_twice(clone: Clone) -> None:
    """The pipeline's own run, committed, and an experiment beside it."""
    clone("dvc", "repro")
    clone.commit()
    clone(*OTHER, "--name", "other")
    clone("git", "checkout", "--quiet", ".")
    clone("dvc", "checkout", "--force")


@pytest.mark.slow
def test_a_change_of_words_retrains_nothing_and_one_of_weights_is_refused(tmp_path: Path) -> None:
    # In a subfolder of a repository that has an experiment of another project too.
    git = ("git", "-c", "user.name=a", "-c", "user.email=b")
    for words in (
        ("init", "--quiet"),
        ("commit", "--quiet", "--allow-empty", "--message", "another project"),
        ("update-ref", f"refs/exps/00/{'0' * 38}/theirs", "HEAD"),
    ):
        subprocess.run([*git, *words], cwd=tmp_path, check=True)
    clone = Clone(tmp_path, "ours")
    tmp_path = clone.folder
    with_one_model(tmp_path)
    trained_twice(clone)

    models, lock = tmp_path / "src" / "models.py", tmp_path / "dvc.lock"
    models.write_text(models.read_text() + "# A word more.\n")
    clone.commit()
    assert "src/models.py" in clone("dvc", "status")
    said = clone(*CARRY)
    assert "\n1 short run, " in said
    assert "and 1 experiment is as well" in said
    assert "up to date" in clone("dvc", "status")
    clone.commit()
    assert "Stage 'train' is cached - skipping run" in clone(*OTHER)
    clone("git", "checkout", "--quiet", ".")

    before = lock.read_text()
    models.write_text(models.read_text().replace("init_std)", "init_std * 1.01)"))
    clone.commit()
    said = clone(*CARRY, code=2)
    assert "error: llama2: HEAD~1 and HEAD differ in " in said
    assert "models/best.ckpt" in said
    assert lock.read_text() == before

    # These sources made none of the recorded results.
    said = clone(*CARRY[:-1], "HEAD", code=2)
    assert "error: HEAD: dvc.lock is of other sources: src/models.py" in said
    assert lock.read_text() == before


def test_a_new_file_must_be_the_same_for_all_architectures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What short runs left, and not minutes of them.
    left = {
        "before": {"gpt2": {"models/a": b"1"}, "llama2": {"models/a": b"2"}},
        "after": {
            "gpt2": {"models/a": b"1", NEW: b"gpt2"},
            "llama2": {"models/a": b"2", NEW: b"llama2"},
        },
    }
    monkeypatch.setattr(carry_over, "clone", lambda folder: folder)
    monkeypatch.setattr(carry_over, "call", lambda *words: "{}")
    monkeypatch.setattr(carry_over, "sources", lambda revision: {})
    monkeypatch.setattr(carry_over, "read_yaml", lambda path: {"models": left["before"]})
    monkeypatch.setattr(carry_over, "results", lambda folder, model: left[folder.name][model])
    with pytest.raises(UserError, match=f"^llama2: HEAD~1 and HEAD differ in {NEW}$"):
        carry_over.prove(tmp_path, "HEAD~1")
    left["after"]["llama2"][NEW] = b"gpt2"
    said, added = carry_over.prove(tmp_path, "HEAD~1")
    assert said == f"2 short runs, 2 files, all identical; new, and the same for all: {NEW}"
    assert added == {NEW: b"gpt2"}
    # Nowhere else may a file be new.
    left["after"]["gpt2"]["models/b"] = b"3"
    with pytest.raises(UserError, match=r"^gpt2: HEAD~1 and HEAD differ in models/b$"):
        carry_over.prove(tmp_path, "HEAD~1")


@pytest.mark.slow
def test_a_table_that_is_new_and_always_the_same_belongs_to_all_results(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    with_one_model(tmp_path)
    # The test above has runs that are compiled, which takes most of its time.
    script = tmp_path / "scripts" / "carry_over.py"
    assert "runtime.compile=on" in script.read_text()
    script.write_text(script.read_text().replace("runtime.compile=on", "runtime.compile=off"))
    # As before there was the table.
    (tmp_path / NEW).unlink()
    stages, writing = tmp_path / "dvc.yaml", tmp_path / "src" / "evaluation" / "results.py"
    now, written = yaml.safe_load(stages.read_text()), writing.read_text()
    older = yaml.safe_load(stages.read_text())
    plots = older["stages"]["evaluate"]["plots"]
    older["stages"]["evaluate"]["plots"] = [each for each in plots if NEW not in each]
    assert len(older["stages"]["evaluate"]["plots"]) == len(plots) - 1
    stages.write_text(yaml.safe_dump(older))
    loop = "for name, table in tables.items():\n"
    skip = f"{loop}            if name == 'by_lengths':\n                continue\n"
    assert loop in written
    writing.write_text(written.replace(loop, skip))
    trained_twice(clone)
    assert not (tmp_path / NEW).exists()

    stages.write_text(yaml.safe_dump(now))
    writing.write_text(written)
    clone.commit()
    said = clone(*CARRY)
    assert f"all identical; new, and the same for all: {NEW}" in said
    assert f"and 1 experiment is as well; commit dvc.lock, {NEW}" in said
    assert (tmp_path / NEW).read_text().startswith("lengths,longest,carry_chain,")
    assert "up to date" in clone("dvc", "status")
    clone.commit()
    (tmp_path / NEW).unlink()
    assert "Stage 'evaluate' is cached - skipping run" in clone(*OTHER)
    assert (tmp_path / NEW).read_text().startswith("lengths,longest,carry_chain,")


def test_what_was_not_committed_is_not_carried(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    (tmp_path / "params.yaml").write_text("{}")
    assert "error: uncommitted changes" in clone(*CARRY, code=2)
    clone("git", "checkout", "--quiet", ".")
    assert "error: --since HEAD~1: no such commit" in clone(*CARRY, code=2)
