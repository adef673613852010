"""Numbers with their nouns, in the singular where it is one."""

from __future__ import annotations


def counted(n: int, noun: str, plural: str = "") -> str:
    """A number and what it counts.

    >>> counted(1, "row"), counted(2000, "row"), counted(2, "process", "processes")
    ('1 row', '2,000 rows', '2 processes')

    Args:
        plural: of the noun, where it is not the noun with an s.
    """
    return f"{n:,} {noun if n == 1 else plural or f'{noun}s'}"
