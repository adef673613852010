"""Where things are, and files that appear whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from .errors import UserError

# Of the repository, wherever it is called from.
ROOT = Path(__file__).parent.parent.parent
DATA_DIR = Path("data/arithmetic")
MODELS_DIR = Path("models")
METRICS_DIR = Path("metrics")
# What the commands that take a checkpoint take by default.
CHECKPOINT = MODELS_DIR / "best.ckpt"
# Where a training that is called by hand writes by default: in a folder named like its
# configuration.
CHECKPOINTS_DIR = Path("checkpoints")
# DVC sets DVC_ROOT to the main checkout, also where a queue task runs in a temporary copy: what
# must outlive the copy is kept there.
RUNS_DIR = Path(os.environ.get("DVC_ROOT", "."), "runs")


def check_writable(folder: Path) -> None:
    """Find out before hours of work whether their results can be written.

    Raises:
        OSError: naming the folder, or the one above it where it would be made.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        # Otherwise it names a temporary file that nobody has heard of.
        error.filename = str(existing)
        raise


def check_not_the_pipelines(folder: Path) -> None:
    """See that a command that is called by hand does not write over the pipeline's results.

    Raises:
        UserError: if the folder is one that a stage writes, or lies in it.
    """
    for root in (Path(), ROOT):
        for output in (DATA_DIR, MODELS_DIR, METRICS_DIR):
            if folder.resolve().is_relative_to((root / output).resolve()):
                raise UserError(f"{folder}: the pipeline writes in {output}; name another folder")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside a file, renamed to it when the block ends well.

    What stood there before stays whole until then. On an error the temporary is removed, and with
    it the folders that were made for it.
    """
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
            # A full disk is reported without saying where.
            error.filename = str(path)
        raise


@contextmanager
def open_replacing(path: Path) -> Iterator[IO[str]]:
    """Write a text file beside its place and rename it there when the block ends well."""
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        yield file


def check_free(path: Path, overwrite: bool = False, own: Collection[str] = ()) -> None:
    """See that nothing would be lost where something is about to be written.

    Args:
        overwrite: allows to replace a file, or a folder that holds nothing but `own`.
        own: names of files that the writer itself leaves there, if it writes a folder.

    Raises:
        UserError: naming what stands in the way.
    """
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not overwrite:
        raise UserError(f"{path}: exists already; --overwrite replaces it")
    if path.is_dir() != bool(own):
        raise UserError(f"{path}: exists and is {'no' if own else 'a'} folder")
    others = sorted({entry.name for entry in path.iterdir()} - set(own)) if own else []
    if others:
        raise UserError(f"{path}: holds {others[0]}, which this command did not write; left alone")


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A new folder beside a place, renamed to it when the block ends well.

    What stood there before stays whole until then, and goes. On an error the new one is removed.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    new, old = (path.with_name(f".{path.name}.{os.getpid()}.{end}") for end in ("tmp", "old"))
    new.mkdir()
    try:
        yield new
        if path.exists():
            path.replace(old)
        new.replace(path)
    except BaseException:
        if old.exists() and not path.exists():
            old.replace(path)
        shutil.rmtree(new, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)
