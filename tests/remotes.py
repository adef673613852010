"""Repositories that share a remote cache with the commands of docs/sharing.md."""

import re
import sys
from pathlib import Path

from .clone import Clone
from .conftest import ROOT
from .servers import PASSWORD, USER

PAGE = (ROOT / "docs" / "sharing.md").read_text()


def documented(start: str, **values: str) -> list[list[str]]:
    """The commands of the page's block that starts so, with values for its examples."""
    (block,) = re.findall(rf"```bash\n({re.escape(start)}.*?)```", PAGE, re.DOTALL)
    for example, value in values.items():
        assert example in block
        block = block.replace(example, value)
    return [line.split() for line in block.splitlines()]


def setup(kind: str, root: Path, port: int = 0) -> list[list[str]]:
    """The page's commands for a remote of this kind."""
    address, start = f"127.0.0.1:{port}", f"make remote URL={kind}:"
    match kind:
        case "s3":
            values = {"https://s3.example.com": f"http://{address}"}
            return documented(start, **values, KEY_ID=USER, SECRET=PASSWORD)
        case "ssh":
            values = {"user@host": f"{USER}@{address}", "/path/to/key": f"{root}/key"}
            return documented(start, **values)
        case "http":
            return documented(start, host=address)
        case _:
            return documented("make remote URL=/", **{"/mnt/store": f"{root}/path"})


class Existing(Clone):
    """A repository that is there already."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        environment = folder / ".venv"
        environment.mkdir()
        for name in ("bin", "lib", "pyvenv.cfg"):
            (environment / name).symlink_to(Path(sys.prefix) / name)
        # Otherwise make would install what is there already.
        for stamp in ("installed", "installed-remote", "installed-notebook"):
            (environment / stamp).touch()

    def follow(self, commands: list[list[str]]) -> str:
        """Run them one after another; returns what they said."""
        return "".join(self(*command) for command in commands)

    def results(self, revision: str | None = None) -> dict[str, str]:
        """dvc.lock and metrics of a commit, or as they lie in the folder."""
        listed = self("git", "ls-tree", "-r", "--name-only", "HEAD", "dvc.lock", "metrics")
        if revision is None:
            return {name: (self.folder / name).read_text() for name in listed.split()}
        return {name: self("git", "show", f"{revision}:{name}") for name in listed.split()}

    def workspace(self) -> dict[str, bytes]:
        """All that a failing command must leave alone."""
        tops = ("data", "models", "metrics")
        files = [file for top in tops for file in self.folder.glob(f"{top}/**/*")]
        contents = {str(file): file.read_bytes() for file in files if file.is_file()}
        return contents | {"git": self("git", "status", "--porcelain").encode()}
