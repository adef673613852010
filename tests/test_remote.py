"""`make remote`: what it refuses, installs and writes."""

import re
import shutil
from pathlib import Path

import pytest

from .clone import Clone
from .conftest import ROOT
from .remotes import Existing, setup


@pytest.mark.parametrize("url", ["", "../store", "store", "~/store", "s3://", "file:///store"])
def test_a_url_that_is_no_place_for_runs_is_refused(url: str, tmp_path: Path) -> None:
    clone = Existing(tmp_path)
    shutil.copy(ROOT / "Makefile", tmp_path)
    output = clone("make", "remote", f"URL={url}", code=2)
    assert output.startswith(f"error: URL={url}: must be an absolute folder, or s3://")
    # Refused before anything is installed or run.
    assert "pip" not in output
    assert "dvc remote" not in output


def test_what_a_remote_needs_is_installed_at_its_pinned_version(tmp_path: Path) -> None:
    clone = Existing(tmp_path)
    for name in ("Makefile", "requirements.txt", "requirements-remote.txt", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv" / "installed-remote").unlink()
    install = "-c constraints.txt -r requirements-remote.txt"
    for url, needed in (("/store", False), ("s3://bucket", True), ("ssh://host/path", True)):
        said = clone("make", "--dry-run", "remote", f"URL={url}")
        assert (install in said) == needed
    pins = re.findall(r"^dvc-.*==.*$", (ROOT / "requirements-remote.txt").read_text(), re.MULTILINE)
    assert len(pins) == 2
    assert set(pins) <= set((ROOT / "constraints.txt").read_text().splitlines())


@pytest.mark.parametrize("kind", ["local", "s3", "ssh"])
def test_credentials_stay_where_git_does_not_look(kind: str, tmp_path: Path) -> None:
    (tmp_path / "clone").mkdir()
    config = Clone(tmp_path / "clone").folder / ".dvc" / "config"
    clone, before = Existing(tmp_path / "clone"), config.read_bytes()
    commands = setup(kind, tmp_path)
    clone.follow(commands)
    written = config.with_name("config.local").read_text()
    # Each command's last word is a value.
    for command in commands:
        assert command[-1].rpartition("=")[2] in written
    assert config.read_bytes() == before
    assert clone("git", "status", "--porcelain") == ""
