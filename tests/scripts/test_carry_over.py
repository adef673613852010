"""Results are carried over a change of code that changes none, and over no other."""

import subprocess
from pathlib import Path

import pytest
import yaml

from ..clone import Clone

CARRY = ("python", "-m", "scripts.carry_over", "--since", "HEAD~1")


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
    params = tmp_path / "params.yaml"
    content = yaml.safe_load(params.read_text())
    # One architecture is enough to tell, and a third of the time.
    content["models"] = {"llama2": content["models"]["llama2"]}
    params.write_text(yaml.safe_dump(content))
    clone("dvc", "repro")
    clone.commit()
    other = ("dvc", "exp", "run", "--set-param", "training.seed=1")
    clone(*other, "--name", "other")
    clone("git", "checkout", "--quiet", ".")
    clone("dvc", "checkout", "--force")

    models, lock = tmp_path / "src" / "models.py", tmp_path / "dvc.lock"
    models.write_text(models.read_text() + "# A word more.\n")
    clone.commit()
    assert "src/models.py" in clone("dvc", "status")
    said = clone(*CARRY)
    assert "\n1 short run, " in said
    assert "and 1 experiment is as well" in said
    assert "up to date" in clone("dvc", "status")
    clone.commit()
    assert "Stage 'train' is cached - skipping run" in clone(*other)
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


def test_what_was_not_committed_is_not_carried(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    (tmp_path / "params.yaml").write_text("{}")
    assert "error: uncommitted changes" in clone(*CARRY, code=2)
    clone("git", "checkout", "--quiet", ".")
    assert "error: --since HEAD~1: no such commit" in clone(*CARRY, code=2)
