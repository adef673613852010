"""Errors that the user of a command can correct."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(ValueError):
    """A mistake that the user can correct; commands print its message, and no traceback."""


class BadRowError(UserError):
    """A row of a data file that cannot be used.

    Attributes:
        kind: the kind of mistake in a word or two, by which skipped rows are counted.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@contextmanager
def naming(file: Path) -> Iterator[None]:
    """Put a file's name in front of the message of a `UserError`."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{file}: {error}") from None
