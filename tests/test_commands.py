"""What README, make help, --help and messages say of the commands is true of all of them."""

import importlib
import re
import subprocess
from pathlib import Path

import pytest

from .conftest import ROOT

README = (ROOT / "README.md").read_text()
COMMANDS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for folder in ("src", "benchmarks")
    for path in (ROOT / folder).glob("*.py")
    if "__main__" in path.read_text()
)
FLAG = re.compile(r"(?<![\w-])--[A-Za-z][\w-]*")


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))


def flags(command: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """All that --help lists."""
    with pytest.raises(SystemExit) as caught:
        importlib.import_module(command).main(["--help"])
    assert caught.value.code == 0
    output = capsys.readouterr().out
    assert output.startswith(f"usage: python -m {command} ")
    return set(FLAG.findall(output))


def documented(path: Path) -> list[str]:
    """Each ``python -m`` with its flags in a file; messages and docstrings end a command."""
    return re.findall(r"python -m ((?:src|benchmarks)\.\w+[^`\n\"#;]*)", path.read_text())


def test_make_help_lists_every_target_and_every_command() -> None:
    done = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [words[1] for words in lines if words[:1] == ["make"]]
    assert {words[1] for words in lines if words[:1] == ["make"]} == targets()
    listed = [words for words in lines if words[:2] == ["python", "-m"]]
    assert sorted(words[2] for words in listed) == COMMANDS
    assert all(len(words) > 5 for words in listed)


@pytest.mark.parametrize("path", ["README.md", "Makefile", "params.yaml", "pyproject.toml"])
def test_every_target_that_is_named_exists(path: str) -> None:
    text = (ROOT / path).read_text()
    named = set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", text, re.MULTILINE))
    assert named <= targets()
    assert path != "README.md" or named


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_that_is_named_exists(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    known = flags(command, capsys)
    sources = [ROOT / "README.md", ROOT / "Makefile", *(ROOT / "src").glob("*.py")]
    sources += (ROOT / "benchmarks").glob("*.py")
    for source in sources:
        for words in documented(source):
            name, _, rest = words.partition(" ")
            assert name in COMMANDS, source
            if name == command:
                assert set(FLAG.findall(rest)) <= known, source
