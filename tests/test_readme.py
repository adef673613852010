"""The README's commands work: each is run here, or stands below with the reason why not."""

import re
from pathlib import Path

import pytest

from .clone import Clone
from .conftest import ROOT
from .remotes import Existing

README = (ROOT / "README.md").read_text()

# Command, or heading of a section: why it is not run here.
NOT_RUN = {
    "make test": "runs this test",
    "make verify": "trains the default run; tests/test_verify.py",
    "tensorboard --logdir runs": "a server, which does not end",
    "dvc exp run --queue -S model=gpt2,llama2,mixtral": "three runs; tests/test_dvc.py queues them",
    "dvc queue start": "leaves a worker behind; --run-all below runs what is queued",
    "dvc plots diff gpt2-seed0 llama2-seed0 mixtral-seed0": "wants those three runs; main is above",
    "## On several devices": "several hosts and launchers; tests/test_distributed.py",
    "## Share runs": "wants servers; tests/test_sharing.py runs it against some",
    "## Sweep over a cluster": "wants remotes and a cluster; tests/test_sweep.py has them",
}


def blocks(language: str) -> list[tuple[str, str]]:
    """Heading and text of each block."""
    found, heading = [], ""
    for match in re.finditer(rf"^(## [^\n]*)$|^```{language}\n(.*?)^```$", README, re.M | re.S):
        if match[1]:
            heading = match[1]
        else:
            found.append((heading, match[2]))
    return found


def lines(text: str) -> list[str]:
    """The commands of a block, without their comments."""
    return [line.split("  #")[0].rstrip() for line in text.splitlines()]


def commands() -> list[str]:
    """All that is run, in the order of the README."""
    found = [c for heading, text in blocks("bash") if heading not in NOT_RUN for c in lines(text)]
    return [command for command in found if command not in NOT_RUN]


def test_what_is_not_run_is_still_there() -> None:
    assert all(command in README for command in NOT_RUN)
    assert len(commands()) > 10


@pytest.mark.slow
def test_the_commands_work_one_after_another(tmp_path: Path) -> None:
    # make takes a space for the end of a name.
    tmp_path = tmp_path / "a b"
    tmp_path.mkdir()
    clone = Clone(tmp_path)
    Existing(tmp_path)
    clone("git", "branch", "--move", "--force", "main")
    for line in commands():
        if "EXPERIMENT" in line:
            line = line.replace("EXPERIMENT", clone("dvc", "exp", "list", "--name-only").split()[0])
        said = clone("bash", "-c", line)
        if line == "make repro":
            clone.commit()
        elif "src.predict" in line:
            assert re.search(r"^\d+[+*]\d+=\S*  (right|wrong, \d+)", said, re.M)
        if "src.eval --ckpt" in line or line.startswith("dvc exp run -S"):
            # The pipeline's own results again.
            clone("git", "checkout", "--quiet", ".")
            clone("dvc", "checkout", "--force")
    assert (tmp_path / "runs" / "attention.png").stat().st_size > 0
    assert "| test |" in (tmp_path / "runs" / "hf" / "README.md").read_text()
    (python,) = (text for heading, text in blocks("python"))
    clone("python", "-W", "ignore", "-c", python)
