"""Where things are, and files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

DATA_DIR = Path("data/arithmetic")
MODELS_DIR = Path("models")
METRICS_DIR = Path("metrics")
# DVC sets DVC_ROOT to the main checkout, also where a queue task runs in a temporary copy: what
# must outlive the copy is kept there.
RUNS_DIR = Path(os.environ.get("DVC_ROOT", "."), "runs")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside a file, renamed to it when the block ends well.

    What stood there before stays whole until then. On an error the temporary is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def open_replacing(path: Path) -> Iterator[IO[str]]:
    """Write a text file beside its place and rename it there when the block ends well."""
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        yield file
