"""Verification reproduces what is committed, and names what differs."""

import json
import re
from pathlib import Path

import pytest

from ..clone import Clone


@pytest.mark.slow
def test_committed_results_reproduce_and_others_are_named(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    clone("dvc", "repro")
    clone.commit()
    assert "identical: dvc.lock and every file" in clone("python", "-m", "scripts.verify")

    # Committed metrics that this code does not reproduce: a difference within the tolerance is
    # reported, a greater one refused.
    path = tmp_path / "metrics" / "eval.json"
    metrics = json.loads(path.read_text())
    for change, code, message in (
        (0.001, 0, "not to the byte"),
        (0.5, 2, "error: exact_match differs by 0.5000, more than 0.01"),
    ):
        path.write_text(json.dumps(metrics | {"exact_match": metrics["exact_match"] + change}))
        clone.commit()
        output = clone("python", "-m", "scripts.verify", code=code)
        assert message in output
        assert "metrics/eval.json" in output

    # Committed data that this code does not reproduce.
    lock = tmp_path / "dvc.lock"
    text = lock.read_text()
    digest = text.partition("path: data/arithmetic")[2].split()[3]
    assert digest.endswith(".dir")
    lock.write_text(text.replace(digest, f"{'0' * 32}.dir"))
    clone.commit()
    output = clone("python", "-m", "scripts.verify", "--quick", code=2)
    assert "error: the data differs from the committed data" in output


@pytest.mark.slow
def test_quick_form_trains_twice_in_two_folders(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    clone("dvc", "repro")
    clone.commit()
    output = clone("python", "-m", "scripts.verify", "--quick")
    assert re.search(r"identical: the committed data, and \d\d files of two small runs", output)


@pytest.mark.slow
def test_in_a_subfolder_of_a_larger_repository(tmp_path: Path) -> None:
    clone = Clone(tmp_path, "a project")
    assert not (clone.folder / ".git").exists()
    clone("dvc", "repro")
    clone.commit()
    assert "identical: dvc.lock and every file" in clone("python", "-m", "scripts.verify")

    path = clone.folder / "metrics" / "eval.json"
    path.write_text(path.read_text().replace('"problems": 100', '"problems": 99'))
    clone.commit()
    said = clone("python", "-m", "scripts.verify")
    assert "not to the byte: metrics/eval.json; the committed run is of cpu: " in said

    lock = clone.folder / "dvc.lock"
    whole = lock.read_text()
    lock.write_text("")
    clone("python", "-m", "scripts.repair")
    assert lock.read_text() == whole
