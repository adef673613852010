"""A repository of its own to run DVC in."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import yaml

from .conftest import ARCHITECTURES, ROOT, tiny_params

_Found = TypeVar("_Found")


def wait_for(look: Callable[[], _Found]) -> _Found:
    """Look again and again until something is found, which is returned."""
    deadline = time.monotonic() + 120
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


class Clone:
    """A repository of its own with this tree's files, tiny parameters and a first commit.

    Args:
        folder: of the repository.
        subfolder: where in it the files are, as in one that holds other projects too.
    """

    def __init__(self, folder: Path, subfolder: str = "") -> None:
        repository, self.folder = folder, (folder := folder / subfolder)
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for name in names.splitlines():
            if (ROOT / name).exists() and name != "dvc.lock":
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        params = tiny_params().model_dump()
        for name in ARCHITECTURES:
            params["models"][name] = model = tiny_params(name).model_config_in_use.model_dump()
            stand_alone = {"model": model, "training": params["training"]}
            (folder / "configs" / f"{name}.yaml").write_text(yaml.safe_dump(stand_alone))
        (folder / "params.yaml").write_text(yaml.safe_dump(params))
        self("git", "init", "--quiet", str(repository))
        self.commit()

    def start(self, *command: str) -> "subprocess.Popen[str]":
        """Start a command as a person with the activated environment would."""
        # Within `make test`, make would take its own commands for a part of that one, and say so.
        outer = {name for name in os.environ if name.startswith(("MAKE", "MFLAGS"))}
        environment = {name: value for name, value in os.environ.items() if name not in outer} | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "OMP_NUM_THREADS": "1",
        }
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            # Nobody is there to answer.
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def __call__(self, *command: str, code: int = 0) -> str:
        """Run a command to its end; returns its output."""
        process = self.start(*command)
        output, _ = process.communicate(timeout=600)
        assert process.returncode == code, output
        return output

    def revision(self, experiment: str) -> str:
        """The commit of an experiment."""
        listed = self("git", "for-each-ref", "--format=%(objectname) %(refname)", "refs/exps")
        (commit,) = (
            line.split()[0] for line in listed.splitlines() if line.endswith(f"/{experiment}")
        )
        return commit

    def commit(self) -> None:
        self("git", "add", "--all")
        name = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        self("git", *name, "commit", "--quiet", "--message", "state")
