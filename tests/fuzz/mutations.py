"""Bytes changed: of a text, of any file, of a zip archive."""

from __future__ import annotations

import io
import random
import zipfile

# Some are odd in YAML only: numbers and truth values of version 1.1, marks and tabs.
SPICE = (
    b"\x00",
    b"\xff",
    b"-",
    b"0",
    b"9" * 30,
    b"9" * 5000,
    b"{",
    b"}",
    b'"',
    b"\n",
    b": ",
    b"[",
    b"[" * 300,
    b"nan",
    b"!!",
    b"010",
    b"33:20",
    b"1_0",
    b"off",
    b"yes",
    b"\t",
    b"\xef\xbb\xbf",
    b"\nN: 3\n",
    b"&a ",
    b"*a",
    b"<<: ",
    b"? ",
    b",",
    b";",
    b"\r",
    b" ",
    b"=",
    b"x",
    b"null",
    b"1e999",
    b"\x1b[2J\x1b[31m",
    b"\x07",
    b"\\u001b[2J",
    b"\\ud800",
    # Ten to the power of eight in YAML, if written out.
    b"[&a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1], &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]"
    + b"".join(
        f", &{chr(c + 1)} [{', '.join([f'*{chr(c)}'] * 10)}]".encode() for c in range(98, 104)
    )
    + b"]",
    "\N{MINUS SIGN}".encode(),
    "\N{ARABIC-INDIC DIGIT THREE}".encode(),
    "\N{SUPERSCRIPT TWO}".encode(),
    "\N{RIGHT-TO-LEFT OVERRIDE}".encode(),
    "\N{LINE SEPARATOR}".encode(),
)


def text(valid: bytes, chance: random.Random, longest: int = 2**22) -> bytes:
    """A few bytes changed, inserted, removed, doubled or cut off; rarely, one repeated very often.

    Args:
        longest: the most bytes that are added so.
    """
    content = bytearray(valid)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(content) + 1)
        if chance.random() < 0.3:
            # Behind a mark, where something begins.
            at = max(content.rfind(mark, 0, at) + len(mark) for mark in (b": ", b",", b"\n", b"["))
        to = min(len(content), at + chance.randint(1, 20))
        match chance.randrange(5):
            case 0 if content:
                content[at % len(content)] = chance.randrange(256)
            case 1:
                content[at:at] = chance.choice(SPICE)
            case 2:
                del content[at:to]
            case 3:
                content[at:at] = content[at:to] * chance.choice((1, 1, 1, 50))
            case 4 if chance.random() < 0.3:
                del content[at:]
    if chance.random() < 0.0005:
        at = chance.randrange(len(content) + 1)
        content[at:at] = chance.choice((b"1", b"+", b"a", b"[", b" ")) * chance.randrange(longest)
    return bytes(content)


def flip(valid: bytes, chance: random.Random) -> bytes:
    """One byte changed."""
    content = bytearray(valid)
    content[chance.randrange(len(content))] ^= chance.randint(1, 255)
    return bytes(content)


def binary(valid: bytes, chance: random.Random) -> bytes:
    """A few bytes or runs of bytes changed."""
    content = bytearray(valid)
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        at = chance.randrange(len(content) + 1)
        to = min(len(content), at + chance.choice((1, 2, 4, 8, 64, 1000)))
        match chance.randrange(8):
            case 0 | 1 if content:
                content[at % len(content)] = chance.randrange(256)
            case 2:
                content[at:at] = chance.randbytes(to - at)
            case 3:
                del content[at:to]
            case 4:
                content[at:to] = chance.choice((b"\0", b"\xff", b"\x7f")) * (to - at)
            case 5:
                # A run of bytes from elsewhere, the length unchanged.
                there = chance.randrange(max(len(content) - (to - at), 0) + 1)
                content[at:to] = content[there : there + to - at]
            case 6:
                content[at:at] = content[at:to]
            case 7 if chance.random() < 0.2:
                del content[at:]
    return bytes(content)


def archive(valid: bytes, chance: random.Random) -> bytes:
    """A zip archive whose members were changed, written anew with right checksums."""
    with zipfile.ZipFile(io.BytesIO(valid)) as opened:
        members = [(info.filename, opened.read(info)) for info in opened.infolist()]
        comment = opened.comment
    at = chance.randrange(len(members))
    name, content = members[at]
    match chance.randrange(7):
        case 0:
            members[at] = name, binary(content, chance)
        case 1:
            del members[at]
        case 2:
            members.insert(at, (name, binary(content, chance)))
        case 3:
            members[at] = name, chance.choice(members)[1]
        case 4:
            members[at] = chance.choice(("../x", "/x", "x" * 300, name + "\n")), content
        case 5:
            members[at] = name, content + bytes(chance.choice((1, 4, 10**6)))
        case 6:
            chance.shuffle(members)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", chance.choice((0, 0, zipfile.ZIP_DEFLATED))) as written:
        for name, content in members:
            # Without a date of today, so that a seed gives the same bytes.
            info = zipfile.ZipInfo(name)
            info.compress_type = written.compression
            written.writestr(info, content)
        written.comment = chance.choice((comment, b""))
    return buffer.getvalue()
