"""The lines that commands print: whatever stands in them is shown, and none of it obeyed."""

from __future__ import annotations

import sys

from ..common.visible import visible

# Characters of an error, which may quote what it complains of: of its beginning, and of its end,
# which says why.
_BEGINNING, _END = 1500, 500


def say(line: str) -> None:
    """Print a line on standard output, at once.

    Raises:
        OSError: if it cannot be written.
    """
    print(visible(line), flush=True)


def note(line: str) -> None:
    """Print a line on standard error, beside the results."""
    print(visible(line), file=sys.stderr, flush=True)


def complain(message: object) -> None:
    """Print an error as one line on standard error; the middle of a very long one is left out.

    Raises:
        OSError: if it cannot be written.
    """
    # Made visible first: what is spelled out is longer.
    line = visible(" ".join(str(message).split()))
    if len(line) > _BEGINNING + _END:
        line = f"{line[:_BEGINNING]} ... {line[-_END:]}"
    note(f"error: {line}")
