"""Folders that commands write: one process at a time, and all of their files or none."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from .errors import UserError
from .kinds import check_replaceable

# Descriptors of what this process has locked.
_held: set[int] = set()


def _let_go() -> None:
    """In a child, such as a loader's worker: the lock is to go with the process that took it."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Reserve a folder for what this process writes, until the block or the process ends.

    The folder itself is locked: processes see each other from any working directory and by any
    path, and nothing is left in it. Where it is missing it is made, and goes again if it stays
    empty.

    Raises:
        UserError: if another process writes there, with its id.
    """
    with _made(folder), locked(folder, folder, "writes there; wait, or name another folder"):
        yield


@contextmanager
def locked(path: Path, shown: Path, doing: str) -> Iterator[None]:
    """Lock a folder, or a file that is made where it is missing.

    The system releases it when the process ends, in whatever way.

    Args:
        shown: the name in the error message.
        doing: what who holds the lock does, there.

    Raises:
        UserError: if another process holds it, with its id.
    """
    # On network file systems, a file that is locked must be writable.
    mode = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    descriptor = os.open(path, mode, 0o666)
    _held.add(descriptor)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{shown}: {_holder(descriptor)} {doing}") from None
        except OSError:
            # NFS locks no folder: there, two that write at once are not told apart.
            if not path.is_dir():
                raise
        yield
    finally:
        _held.discard(descriptor)
        os.close(descriptor)


def inside(folder: Path, name: str) -> Path:
    """A path in a folder, of a name that was not given for it, such as that of another file.

    >>> inside(Path("checkpoints"), "mine")
    PosixPath('checkpoints/mine')

    Raises:
        UserError: if it would lead elsewhere, or cannot be shown.
    """
    if name in ("", ".", "..") or "/" in name or not name.isprintable():
        raise UserError(f"{name!r}: no name for a folder in {folder}; --out_dir names another one")
    return folder / name


def _holder(descriptor: int) -> str:
    """Which process has locked an open file, in words, as Linux lists it."""
    inode = os.fstat(descriptor).st_ino
    with suppress(OSError):
        for line in Path("/proc/locks").read_text().splitlines():
            _, kind, *_, process, place, _, _ = line.split()
            if kind == "FLOCK" and place.endswith(f":{inode}") and Path("/proc", process).exists():
                return f"process {process}"
    return "another process"


@contextmanager
def filling(*last: Path) -> Iterator[tuple[Path, ...]]:
    """New folders, whose files move to where they belong when the block succeeds: all, or none.

    All are complete before the first one moves, and Ctrl-C waits for the last. Only a kill between
    two of these renames leaves some files new and others old or missing. It can be told by the
    files `last`: they are removed before the first one moves, and come last. On an error all is as
    before.

    Args:
        last: in each folder that gets files, the one that tells whether all are there.

    Yields:
        For each of them a new folder on the same file system, in which to write.

    Raises:
        OSError: naming the folder that could not be written to, such as on a full disk.
    """
    with ExitStack() as stack:
        new = tuple(stack.enter_context(_new_folder(path.parent)) for path in last)
        yield new
        moves = {
            source: path.parent / source.name
            for path, folder in zip(last, new, strict=True)
            for source in sorted(folder.iterdir())
        }
        for path in moves.values():
            check_replaceable(path)
        _move(sorted(moves.items(), key=lambda move: move[1] in last), last)


def _move(moves: Iterable[tuple[Path, Path]], last: Collection[Path]) -> None:
    left = [(source, path) for source, path in moves if source.exists()]
    try:
        for _, path in left:
            if path in last:
                path.unlink(missing_ok=True)
        for source, path in left:
            source.replace(path)
    except (KeyboardInterrupt, SystemExit):
        _move(left, last)
        raise


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder inside another one, for as long as the block runs."""
    with _made(folder):
        new = folder
        try:
            new = Path(tempfile.mkdtemp(prefix=".", suffix=".tmp", dir=folder))
            yield new
        except OSError as error:
            # Python reports a full disk without a path; that of a temporary file says nothing.
            path = Path(str(error.filename)).absolute()
            if error.filename is None or path.is_relative_to(new.absolute()):
                error.filename = str(folder)
            raise
        finally:
            if new != folder:
                shutil.rmtree(new, ignore_errors=True)


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """A folder, made where it is missing with those above it; what was made goes if it is empty."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):
            for each in made:
                each.rmdir()
