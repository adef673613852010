"""A command looks for garbage seldom, and not at its end; who imports src keeps Python's habits."""

import json
import subprocess
import sys

import pytest

from ..conftest import ROOT

TELL = """
import atexit, gc, json, sys
# Called last, as it is registered first.
atexit.register(lambda: print(json.dumps([gc.get_threshold()[0], gc.get_freeze_count() > 1000])))
sys.argv[0] = {argv0!r}
import src
"""


@pytest.mark.parametrize(("argv0", "frozen"), [("-m", True), ("script.py", False)])
def test_only_commands_leave_their_modules_alone(argv0: str, frozen: bool) -> None:
    script = TELL.format(argv0=argv0)
    said = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True)
    threshold, is_frozen = json.loads(said.stdout)
    assert is_frozen is frozen
    assert (threshold > 700) is frozen
