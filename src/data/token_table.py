"""A table of token ids that grows, in memory while it is small and on disk when it is not."""

from __future__ import annotations

import mmap
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

import numpy as np
from numpy.typing import NDArray

# 64 MiB: four million of the default problems. Larger tables are read from disk as needed.
_IN_MEMORY = 2**26
_BLOCK = 2**20


class TokenTable:
    """Rows of token ids, as wide as the longest of them, padded with 0.

    Beyond 64 MiB they lie in a file without a name, which is gone with the process: none is left
    over that might be out of date, and processes do not share one.

    Args:
        folder: where the file is, if one is needed; the system's folder for temporary files if
            this one cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder) if os.access(folder, os.W_OK) else None
        self._file = self._new_file()
        self._width = self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        # What did not fit on the disk, `append` has told.
        with suppress(OSError):
            self._file.close()

    def __len__(self) -> int:
        return self._count

    def append(self, rows: NDArray[np.uint8]) -> None:
        """Add rows of any width.

        Raises:
            OSError: naming the folder of the file, such as on a full disk.
        """
        try:
            if rows.shape[1] > self._width:
                self._widen(rows.shape[1])
            self._write(rows)
            # Before it is mapped, all of it is on the disk: a page without room would end the
            # process by a signal.
            self._file.flush()
        except OSError as error:
            error.filename = str(Path(self._folder or tempfile.gettempdir()).resolve())
            raise
        self._count += len(rows)

    def table(self) -> NDArray[np.uint8]:
        """All rows: uint8 (n, longest). Valid after the file is closed too."""
        size = self._count * self._width
        if size <= _IN_MEMORY:
            self._file.seek(0)
            flat = np.frombuffer(bytearray(self._file.read()), np.uint8)
        else:
            # The system may drop pages that were read. Nobody writes to them, but torch wants
            # memory that it could write to: hence a private copy-on-write mapping.
            mapping = mmap.mmap(self._file.fileno(), size, access=mmap.ACCESS_COPY)
            flat = np.frombuffer(mapping, np.uint8)
        return flat.reshape(self._count, self._width)

    def _new_file(self) -> IO[bytes]:
        return tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, dir=self._folder)

    def _write(self, rows: NDArray[np.uint8]) -> None:
        padding = ((0, 0), (0, self._width - rows.shape[1]))
        self._file.write(np.pad(rows, padding).tobytes())

    def _widen(self, width: int) -> None:
        """Write all again, wider: rare, as the first thousands mostly hold a longest row."""
        old, narrow = self._file, self._width
        self._file, self._width = self._new_file(), width
        old.seek(0)
        while block := old.read(max(1, _BLOCK // max(1, narrow)) * narrow):
            self._write(np.frombuffer(block, np.uint8).reshape(-1, narrow))
        old.close()
