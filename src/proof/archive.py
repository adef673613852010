"""Zip archives that prove themselves: any byte that was changed since is noticed.

PyTorch writes such archives and ignores their checksums when it reads them. The comment at the end
of ours is the SHA-256 of all bytes before it, so that the headers, too, are proven.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from typing import IO

# An archive without a comment ends with this record: a mark, 16 bytes, the comment's length.
_MARK, _RECORD = b"PK\x05\x06", 22
_DIGEST = 2 * hashlib.sha256().digest_size


class DamagedError(Exception):
    """Bytes of an archive are not those that were written."""


def sealed(archive: bytes) -> bytes:
    """A zip archive without a comment, with its own hash as its comment."""
    if not _ends_here(archive[-_RECORD:]):
        raise ValueError("no zip archive, or one with a comment")
    proven = archive[:-2] + _DIGEST.to_bytes(2, "little")
    return proven + hashlib.sha256(proven).hexdigest().encode()


def _ends_here(record: bytes) -> bool:
    """Whether the last bytes of an archive are its last record, with no comment after it."""
    return record.startswith(_MARK) and record.endswith(b"\0\0")


def check(file: IO[bytes]) -> None:
    """Check all that an archive says of itself, and leave the file at its begin.

    An archive that is not sealed, such as torch.save writes, must have the right checksums. Nothing
    in it may be compressed or stand in two members at once: a small file never means a large one.

    Args:
        file: a regular file, open for reading.

    Raises:
        DamagedError: with what is wrong.
    """
    size = file.seek(0, os.SEEK_END)
    tail = _read(file, max(0, size - _RECORD - _DIGEST))
    if not _ends_here(tail[-_RECORD:]):
        if not tail.startswith(_MARK):
            raise DamagedError("cut off, or no archive")
        digest = hashlib.sha256()
        file.seek(0)
        left = size - _DIGEST
        while block := file.read(min(left, 2**20)):
            digest.update(block)
            left -= len(block)
        if digest.hexdigest().encode() != tail[_RECORD:]:
            raise DamagedError("its bytes are not those that were written")
    _check_members(file, size)
    file.seek(0)


def _read(file: IO[bytes], start: int) -> bytes:
    file.seek(start)
    return file.read()


def _check_members(file: IO[bytes], size: int) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise DamagedError("a member is compressed")
            if sum(member.file_size for member in members) > size:
                raise DamagedError("its members are larger than it is")
            if name := archive.testzip():
                raise DamagedError(f"the checksum of {name} is another")
    except DamagedError:
        raise
    except Exception as error:
        # Damaged headers fail in many ways: BadZipFile, struct.error, NotImplementedError, ...
        raise DamagedError(str(error)) from None
