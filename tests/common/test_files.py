"""Files are written whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from src.common.errors import UserError
from src.common.files import (
    check_free,
    check_written,
    open_regular,
    open_replacing,
    read_bytes,
    replacing,
    replacing_folder,
)


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

    def write() -> None:
        with replacing(folder / "file") as temporary:
            temporary.write_text("new")
            # After the check.
            (folder / "file").mkdir()

    with pytest.raises(OSError, match="taken"):
        write()
    assert list(folder.iterdir()) == [folder / "file"]


def test_a_file_takes_no_place_of_what_is_none(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "folder", tmp_path / "pipe", Path("/dev/null")):
        kind = "a device" if path.name == "null" else f"a {path.name}"
        said = f"^{path}: is {kind}, where a file would be written$"
        with pytest.raises(UserError, match=said), open_replacing(path):
            pytest.fail("began to write")
        for check in (check_free, lambda path: check_free(path, True)):
            with pytest.raises(UserError, match=f"^{path}: is {kind}; name a file$"):
                check(path)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    # What a link leads to stays.
    (tmp_path / "text").write_text("old")
    (tmp_path / "link").symlink_to("text")
    with open_replacing(tmp_path / "link") as file:
        file.write("new")
    assert (tmp_path / "text").read_text() == "old"


def test_a_command_knows_what_it_wrote_by_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    check_written(path, b"<title>ours")
    for own in ("", "<html><title>ours</title>"):
        path.write_text(own)
        check_written(path, b"<title>ours")
    path.write_text("<html><title>theirs</title>")
    with pytest.raises(UserError, match=r"page\.html: was not written by this command"):
        check_written(path, b"<title>ours")
    (tmp_path / "link").symlink_to(path)
    for other, kind in ((tmp_path / "link", "link"), (tmp_path, "folder")):
        with pytest.raises(UserError, match=f"^{other}: is a {kind}; name a file$"):
            check_written(other, b"")


def test_text_is_written_as_utf8_with_unix_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with open_replacing(path) as file:
        file.write("ä\nb\n")
    assert path.read_bytes() == "ä\nb\n".encode()


def break_off_folder(folder: Path) -> None:
    """Write half of a folder."""
    with replacing_folder(folder) as new:
        (new / "half").write_text("half")
        raise RuntimeError


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "folder"
    with pytest.raises(RuntimeError):
        break_off_folder(folder)
    assert list(folder.parent.iterdir()) == []
    with replacing_folder(folder) as new:
        (new / "a").write_text("1")
        assert not folder.exists()
    with pytest.raises(RuntimeError):
        break_off_folder(folder)
    assert [path.name for path in folder.iterdir()] == ["a"]
    with replacing_folder(folder) as new:
        (new / "b").write_text("2")
        assert (folder / "a").read_text() == "1"
    assert [path.name for path in folder.iterdir()] == ["b"]
    assert list(folder.parent.iterdir()) == [folder]


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with replacing_folder(tmp_path / "link") as new:
        (new / "a").write_text("1")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "a").read_text() == "1"


def test_what_would_be_lost_is_named(tmp_path: Path) -> None:
    check_free(tmp_path / "nothing")
    (tmp_path / "folder").mkdir()
    check_free(tmp_path / "folder", own=("a",))
    (tmp_path / "folder" / "a").write_text("1")
    with pytest.raises(UserError, match="folder: exists already"):
        check_free(tmp_path / "folder", own=("a",))
    check_free(tmp_path / "folder", True, own=("a",))
    with pytest.raises(UserError, match="folder: holds a, which this command did not write"):
        check_free(tmp_path / "folder", True, own=("b",))
    with pytest.raises(UserError, match="a: exists already"):
        check_free(tmp_path / "folder" / "a")
    check_free(tmp_path / "folder" / "a", True)
    with pytest.raises(UserError, match="a: is a file; name a folder"):
        check_free(tmp_path / "folder" / "a", True, own=("b",))
    (tmp_path / "broken").symlink_to("nowhere")
    with pytest.raises(UserError, match="broken: is a link; name a file"):
        check_free(tmp_path / "broken", True)
    (tmp_path / "other" / "a").mkdir(parents=True)
    with pytest.raises(UserError, match="other: holds a, which this command did not write"):
        check_free(tmp_path / "other", True, own=("a",))


def test_only_a_regular_file_is_opened_and_none_waits_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12\0")
    (tmp_path / "link").symlink_to(path)
    with open_regular(tmp_path / "link") as file:
        assert read_bytes(path) == file.read() == b"12\0"
    os.mkfifo(tmp_path / "fifo")
    for strange in (tmp_path / "fifo", Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(UserError, match=f"^{strange}: no regular file$"):
            open_regular(strange)
    with pytest.raises(IsADirectoryError, match=str(tmp_path)):
        open_regular(tmp_path)
    with pytest.raises(FileNotFoundError, match="missing"):
        read_bytes(tmp_path / "missing")
    with pytest.raises(UserError, match="holds a character that no file's name has"):
        read_bytes(tmp_path / "nul\0")


def test_a_file_is_read_up_to_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"123")
    assert read_bytes(path, limit=3) == b"123"
    with pytest.raises(UserError, match="file: more than 2 bytes, which no such file has"):
        read_bytes(path, limit=2)
    # A terabyte without a disk.
    os.truncate(path, 2**40)
    with pytest.raises(UserError, match="file: more than 67,108,864 bytes"):
        read_bytes(path)
