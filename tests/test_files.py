"""Files appear whole or not at all."""

from pathlib import Path

import pytest

from src.files import open_replacing, replacing


def test_a_finished_block_puts_the_new_file_in_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.txt"
    with open_replacing(path) as file:
        file.write("new")
    assert path.read_text() == "new"


def break_off(path: Path, error: BaseException) -> None:
    """Write half of a file."""
    with open_replacing(path) as file:
        file.write("half of the new")
        file.flush()
        raise error


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt(), SystemExit(1)])
def test_an_error_leaves_the_old_file_and_no_other(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(type(error)):
        break_off(path, error)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_before_anything_was_written_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="broken"), replacing(tmp_path / "file.txt"):
        raise ValueError("broken")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_renaming_leaves_no_temporary(tmp_path: Path) -> None:
    folder = tmp_path / "taken"
    folder.mkdir()
    with pytest.raises(OSError, match="taken"), open_replacing(folder) as file:
        file.write("new")
    assert list(tmp_path.iterdir()) == [folder]


def test_text_is_written_as_utf8_with_unix_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with open_replacing(path) as file:
        file.write("ä\nb\n")
    assert path.read_bytes() == "ä\nb\n".encode()
