"""Servers on loopback that hold a remote cache: S3 by rclone, SFTP by asyncssh, HTTP by Python."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .conftest import ROOT

# rclone refuses a name of two letters.
USER, PASSWORD = "tester", "secret-of-the-tests"
COMMANDS = {
    # Each folder in the root is a bucket.
    "s3": [
        str(Path(sys.executable).with_name("rclone")),
        *("serve", "s3", "--addr", "127.0.0.1:0", "--config", "/dev/null"),
        *("--auth-key", f"{USER},{PASSWORD}", "ROOT"),
    ],
    "ssh": [sys.executable, str(ROOT / "tests" / "sftp.py"), "ROOT", USER, PASSWORD],
    # Shows the root, and takes nothing.
    "http": [sys.executable, "-um", "http.server", "--bind", "127.0.0.1", "-d", "ROOT", "0"],
}


@contextmanager
def serving(kind: str, root: Path) -> Iterator[int]:
    """A server of this folder, until the block ends; gives the free port that it chose."""
    if kind == "local":
        # A folder needs none.
        yield 0
        return
    command = [str(root) if word == "ROOT" else word for word in COMMANDS[kind]]
    # A file, because nobody would empty a pipe.
    log = root.with_name(f"{kind}.log")
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    try:
        while not (said := re.search(r"(?:127\.0\.0\.1:|port )([1-9]\d*)\D", log.read_text())):
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        yield int(said[1])
    finally:
        process.terminate()
        process.wait()
