"""What stands at a path, and whether a file may take its place."""

import stat
from pathlib import Path

from .errors import UserError

FILE, LINK = "a file", "a link"
_KINDS = {
    stat.S_IFREG: FILE,
    stat.S_IFLNK: LINK,
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def kind_of(path: Path) -> str | None:
    """What a path is itself, be it a link: `FILE`, or such as "a folder"; None if there is none."""
    try:
        return _KINDS.get(stat.S_IFMT(path.lstat().st_mode), "no file")
    except (FileNotFoundError, NotADirectoryError):
        return None


def check_replaceable(path: Path) -> None:
    """Refuse to rename a file to a place where a folder, a device or the like is.

    A link gives way to the file, and what it leads to stays: where DVC's cache.type is symlink, its
    outputs are links into the cache.

    Raises:
        UserError: naming it.
    """
    if (kind := kind_of(path)) not in (None, FILE, LINK):
        raise UserError(f"{path}: is {kind}, where a file would be written")
