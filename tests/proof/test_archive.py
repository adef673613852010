"""Archives prove themselves: no byte of one can change unnoticed."""

import io
import random
import zipfile
from pathlib import Path

import pytest
import torch

from src.proof.archive import DamagedError, check, sealed


def archive() -> bytes:
    buffer = io.BytesIO()
    torch.save({"weight": torch.arange(6.0), "step": 3}, buffer)
    return buffer.getvalue()


def is_right(content: bytes) -> bool:
    try:
        check(io.BytesIO(content))
    except DamagedError:
        return False
    return True


def test_torch_and_zipfile_read_a_sealed_archive(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    path.write_bytes(sealed(archive()))
    with path.open("rb") as file:
        check(file)
        assert torch.load(file, weights_only=True)["step"] == 3
    assert torch.load(path, weights_only=True, mmap=True)["step"] == 3
    with zipfile.ZipFile(path) as opened:
        assert opened.testzip() is None


def test_any_flipped_byte_is_noticed() -> None:
    whole = sealed(archive())
    assert is_right(whole)
    chance = random.Random(0)
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= chance.randrange(1, 256)
        assert not is_right(bytes(damaged)), place


def test_any_cut_is_noticed() -> None:
    whole = sealed(archive())
    assert not any(is_right(whole[:length]) for length in range(len(whole)))
    assert not is_right(whole + b"\n")


def test_without_a_seal_the_checksums_count() -> None:
    whole = archive()
    assert is_right(whole)
    at = whole.index(torch.arange(6.0).numpy().tobytes())
    assert not is_right(whole[:at] + b"\1" + whole[at + 1 :])


def test_a_small_file_never_means_a_large_one() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("archive/data.pkl", bytes(10**6))
    with pytest.raises(DamagedError, match="a member is compressed"):
        check(io.BytesIO(buffer.getvalue()))
    # One member's bytes named by many entries of the list at the end.
    one = io.BytesIO()
    with zipfile.ZipFile(one, "w") as opened:
        opened.writestr("a", bytes(1000))
        opened.filelist *= 5
    with pytest.raises(DamagedError, match="its members are larger than it is"):
        check(io.BytesIO(one.getvalue()))


def test_only_an_archive_without_a_comment_is_sealed() -> None:
    for other in (b"", b"text", sealed(archive())):
        with pytest.raises(ValueError, match="no zip archive, or one with a comment"):
            sealed(other)
