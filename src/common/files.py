"""Paths of the project, and files that are written whole or not at all."""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from .errors import UserError
from .kinds import FILE, check_replaceable, kind_of

# The repository, whatever the working directory.
ROOT = Path(__file__).parent.parent.parent
DATA_DIR = Path("data/arithmetic")
MODELS_DIR = Path("models")
METRICS_DIR = Path("metrics")
# Default of the commands that take a checkpoint.
CHECKPOINT = MODELS_DIR / "best.ckpt"
# A training that is called by hand writes here, in a folder named like its configuration.
CHECKPOINTS_DIR = Path("checkpoints")
# In the main checkout, which DVC names in DVC_ROOT: a task of DVC's queue runs in a temporary copy,
# which a running training's state must outlive.
RUNS_DIR = Path(os.environ.get("DVC_ROOT", "."), "runs")
# Bytes that no file of settings or figures reaches.
SMALL = 2**26
# Bytes at the beginning of a file by which a command knows it.
_HEAD = 2**10


def check_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written to, before hours of work for it.

    Raises:
        OSError: naming the folder, or the existing one in which it would be made.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        # Instead of the name of the temporary file.
        error.filename = str(existing)
        raise


def check_not_the_pipelines(folder: Path) -> None:
    """Refuse a folder of the pipeline's results as output of a command called by hand.

    Raises:
        UserError: if a stage writes the folder, or one that contains it.
    """
    for root in (Path(), ROOT):
        for output in (DATA_DIR, MODELS_DIR, METRICS_DIR):
            if folder.resolve().is_relative_to((root / output).resolve()):
                raise UserError(f"{folder}: the pipeline writes in {output}; name another folder")


def open_regular(path: Path) -> BinaryIO:
    """A regular file, opened to read its bytes: nothing that waits for a writer or never ends.

    Raises:
        UserError: for a device, a pipe or a socket.
        OSError: as `open` does, also for a folder.
    """
    try:
        # A pipe without a writer is opened at once too.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError:
        raise UserError(f"{path}: holds a character that no file's name has") from None
    mode = os.fstat(number).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(number, "rb")
    os.close(number)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise UserError(f"{path}: no regular file")


def read_bytes(path: Path, limit: int = SMALL) -> bytes:
    """The bytes of a regular file that is to be held in memory.

    Args:
        limit: the most bytes that such a file has.

    Raises:
        UserError: for a larger file, see also `open_regular`.
        OSError: as `open` does.
    """
    with open_regular(path) as file:
        # Python takes the memory of as many bytes as it is asked for.
        if os.fstat(file.fileno()).st_size > limit:
            raise UserError(f"{path}: more than {limit:,} bytes, which no such file has")
        return file.read()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside a file, which takes the file's name when the block succeeds.

    An existing file stays whole until then. On an error the temporary file is removed, and with it
    the folders that were made for it.

    Raises:
        UserError: see `check_replaceable`.
    """
    check_replaceable(path)
    made = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        with suppress(OSError):
            for folder in made:
                folder.rmdir()
        if isinstance(error, OSError) and error.filename is None:
            # Python reports a full disk without a path.
            error.filename = str(path)
        raise


@contextmanager
def open_replacing(path: Path) -> Iterator[IO[str]]:
    """A text file to write, which appears under its name when the block succeeds."""
    with (
        replacing(path) as temporary,
        # A path in another encoding has characters that UTF-8 has not.
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file,
    ):
        yield file


def check_free(path: Path, overwrite: bool = False, own: Collection[str] = ()) -> None:
    """Refuse to write where something else would be lost.

    Args:
        overwrite: whether a file may be replaced, or a folder that holds nothing but `own`.
        own: names of the files that the command writes, if it writes a folder.

    Raises:
        UserError: naming what exists.
    """
    there = sorted(path.iterdir()) if own and path.is_dir() else []
    kind = kind_of(path)
    if not own and kind not in (None, FILE):
        raise UserError(f"{path}: is {kind}; name a file")
    if own and kind and not path.is_dir():
        raise UserError(f"{path}: is {kind}; name a folder")
    if (there or kind == FILE) and not overwrite:
        raise UserError(f"{path}: exists already; --overwrite replaces it")
    for entry in there:
        if entry.name not in own or kind_of(entry) != FILE:
            raise UserError(
                f"{path}: holds {entry.name}, which this command did not write; left alone"
            )


def check_written(path: Path, mark: bytes) -> None:
    """Refuse to write in place of what another command, or a person, has written.

    Args:
        mark: stands in the head of each file that the command writes.

    Raises:
        UserError: naming what exists, unless it is such a file or an empty one.
    """
    kind = kind_of(path)
    if kind not in (None, FILE):
        raise UserError(f"{path}: is {kind}; name a file")
    if kind:
        with open_regular(path) as file:
            head = file.read(_HEAD)
        if head and mark not in head:
            raise UserError(f"{path}: was not written by this command; name another file")


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A new folder beside a path, which takes its name when the block succeeds.

    An existing folder stays whole until then, and is removed. On an error the new one is removed.
    """
    shown, path = path, path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    new, old = (path.with_name(f".{path.name}.{os.getpid()}.{end}") for end in ("tmp", "old"))
    new.mkdir()
    try:
        yield new
        if path.exists():
            path.replace(old)
        new.replace(path)
    except BaseException as error:
        if old.exists() and not path.exists():
            old.replace(path)
        shutil.rmtree(new, ignore_errors=True)
        if isinstance(error, OSError) and new.name in Path(str(error.filename)).parts:
            # On a full disk: the name of a temporary folder says nothing.
            error.filename = str(shown)
        raise
    shutil.rmtree(old, ignore_errors=True)
