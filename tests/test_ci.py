"""What runs elsewhere: the workflows' own scripts here, and one version of ruff everywhere."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from .clone import Clone
from .conftest import ROOT

WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text())
    for path in (ROOT / ".github" / "workflows").glob("*.yml")
}


def pinned(package: str, path: str) -> str:
    """The version that a file of requirements or constraints demands."""
    (version,) = re.findall(rf"^{package}==(\S+)$", (ROOT / path).read_text(), re.MULTILINE)
    return str(version)


def test_ruff_has_one_version() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    revisions = {repo["repo"]: repo["rev"] for repo in hooks}
    assert revisions == {
        "https://github.com/astral-sh/ruff-pre-commit": f"v{pinned('ruff', 'requirements-dev.txt')}"
    }
    assert pinned("ruff", "requirements-dev.txt") == pinned("ruff", "constraints.txt")


def steps(job: str, workflow: str = "ci") -> list[dict[str, Any]]:
    return list(WORKFLOWS[workflow]["jobs"][job]["steps"])


def test_the_workflow_runs_make_test_on_the_oldest_python() -> None:
    ran = [step["run"] for step in steps("test") if "run" in step]
    assert ran == ["make test", "make test-slow", "make test-lens"]
    minor = re.findall(r"Python 3\.(\d+) or newer", (ROOT / "README.md").read_text())
    for workflow, job in (("ci", "test"), ("ci", "metrics"), ("pages", "build")):
        setups = [step for step in steps(job, workflow) if "setup-python" in str(step)]
        assert [step["with"]["python-version"] for step in setups] == [f"3.{minor[0]}"]


@pytest.mark.parametrize("changed", [True, False])
def test_a_pull_request_shows_what_it_does_to_the_metrics(
    changed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = Clone(tmp_path)
    path = tmp_path / "metrics" / "eval.json"
    if changed:
        path.write_text(json.dumps(json.loads(path.read_text()) | {"exact_match": 0.125}))
    else:
        (tmp_path / "README.md").write_text("other words")
    # As the merge of a pull request: the first parent is what it is merged into.
    before = clone("git", "rev-parse", "HEAD").strip()
    clone("git", "switch", "--quiet", "--create", "change")
    clone.commit()
    clone("git", "switch", "--quiet", "--detach", before)
    name = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    clone("git", *name, "merge", "--quiet", "--no-ff", "--message", "merge", "change")

    (step,) = (step for step in steps("metrics") if step.get("name") == "dvc metrics diff")
    script = step["run"].replace(".venv/bin/dvc", "dvc")
    assert script != step["run"]
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    # What GitHub starts for `run:`.
    clone("bash", "-e", "-c", script)
    text = summary.read_text()
    assert text == (tmp_path / "metrics.md").read_text()
    assert text.startswith("### dvc metrics diff\n\n")
    rows = [line.split("|") for line in text.splitlines() if "exact_match " in line]
    assert [row[4].strip() for row in rows] == (["0.125"] if changed else [])
    assert ("No metric changes." in text) != changed


def test_the_page_is_published_on_request_alone_and_by_a_job_that_runs_nothing_of_ours() -> None:
    pages = WORKFLOWS["pages"]
    # YAML 1.1 takes the key `on` for true.
    assert pages[True].keys() == {"workflow_dispatch"}
    assert [step["run"] for step in steps("build", "pages") if "run" in step] == [
        *("make compare", "make site")
    ]
    assert set(pages["jobs"]["build"]["permissions"].values()) == {"read"}
    assert pages["permissions"] == {"contents": "read"}
    (only,) = steps("deploy", "pages")
    assert only["uses"].startswith("actions/deploy-pages@")


def test_every_action_has_its_version_and_is_githubs_own() -> None:
    used: dict[str, set[str]] = {}
    for workflow, content in WORKFLOWS.items():
        for job in content["jobs"]:
            for name in (step["uses"] for step in steps(job, workflow) if "uses" in step):
                assert re.fullmatch(r"actions/[\w-]+@v\d+", name)
                action, version = name.split("@")
                used.setdefault(action, set()).add(version)
    assert all(len(versions) == 1 for versions in used.values())


def test_scripts_of_the_workflows_are_bash() -> None:
    for workflow, job in [(w, job) for w, content in WORKFLOWS.items() for job in content["jobs"]]:
        for step in steps(job, workflow):
            # No expression in a script: what others write in a pull request would be run.
            assert "${{" not in step.get("run", "")
            subprocess.run(["bash", "-n", "-c", step.get("run", "")], check=True)
