"""A table that grows: the same rows in memory and on disk, and nothing left behind."""

import tracemalloc
from collections import deque
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.data.token_table import TokenTable

from ..conftest import small_disk


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12)), min_size=1, max_size=8))
@pytest.mark.parametrize("in_memory", [0, 50, 2**26])
def test_rows_of_any_width_are_kept(in_memory: int, shapes: list[tuple[int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("src.data.token_table._IN_MEMORY", in_memory)
        patch.setattr("src.data.token_table._BLOCK", 7)
        parts = [np.random.default_rng(n).integers(1, 9, (n, w), np.uint8) for n, w in shapes]
        with TokenTable(Path()) as rows:
            for part in parts:
                rows.append(part)
            table = rows.table()
    longest = max(width for _, width in shapes)
    expected = [np.pad(part, ((0, 0), (0, longest - part.shape[1]))) for part in parts]
    assert len(rows) == len(table) == sum(n for n, _ in shapes)
    assert np.array_equal(table, np.concatenate(expected))
    assert table.flags.writeable  # or torch warns


def test_a_large_table_is_on_disk_under_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.data.token_table._IN_MEMORY", 2**20)
    part = np.arange(2**20, dtype=np.uint8).reshape(-1, 16)
    tracemalloc.start()
    with TokenTable(tmp_path) as rows:
        for _ in range(32):
            rows.append(part)
        table = rows.table()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert table.nbytes == 2**25
    assert peak < 2**23
    assert list(tmp_path.iterdir()) == []
    assert np.array_equal(table[-len(part) :], part)


def test_a_folder_that_cannot_be_written_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.data.token_table._IN_MEMORY", 10)
    with TokenTable(tmp_path / "missing") as rows:
        rows.append(np.ones((30, 3), np.uint8))
        assert rows.table().sum() == 90


def test_a_disk_without_room_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.data.token_table._IN_MEMORY", 2**12)
    with small_disk(tmp_path, "64k"), TokenTable(tmp_path) as rows:
        part = np.ones((2**10, 4), np.uint8)
        with pytest.raises(OSError, match="No space left on device") as caught:
            deque(map(rows.append, [part] * 100))
        assert caught.value.filename == str(tmp_path)
        # What fitted can be read to its last page.
        assert rows.table().sum() == 4 * len(rows) > 2**12
