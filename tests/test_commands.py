"""What the pages, make help, --help and messages say of the commands is true of all of them."""

import importlib
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from .conftest import ROOT

PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
FOLDERS = ("src", "scripts", "benchmarks")
COMMANDS = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__"): path
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
    if '__name__ == "__main__"' in path.read_text()
}
FLAG = re.compile(r"(?<![\w-])--[A-Za-z][\w-]*")


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))


def entry(command: str) -> ModuleType:
    """The module that ``python -m`` runs."""
    path = COMMANDS[command]
    return importlib.import_module(command + ".__main__" * (path.stem == "__main__"))


def flags(command: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """All that --help lists."""
    with pytest.raises(SystemExit) as caught:
        entry(command).main(["--help"])
    assert caught.value.code == 0
    output = capsys.readouterr().out
    assert output.startswith(f"usage: python -m {command} ")
    return set(FLAG.findall(output))


def documented(path: Path) -> list[str]:
    """Each ``python -m`` with its flags in a file; messages and docstrings end a command."""
    return re.findall(
        r"python -m ((?:src|scripts|benchmarks)\.[\w.]+[^`\n\"#;]*)", path.read_text()
    )


def test_make_help_lists_every_target_and_every_command() -> None:
    done = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [words[1] for words in lines if words[:1] == ["make"]]
    assert {words[1] for words in lines if words[:1] == ["make"]} == targets()
    listed = [words for words in lines if words[:2] == ["python", "-m"]]
    assert sorted(words[2] for words in listed) == sorted(COMMANDS)
    assert all(len(words) > 5 for words in listed)


def test_every_target_that_is_named_exists() -> None:
    for path in [*PAGES, *(ROOT / name for name in ("Makefile", "params.yaml", "pyproject.toml"))]:
        named = set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", path.read_text(), re.MULTILINE))
        assert named <= targets(), path
        assert path.name != "README.md" or named


def test_every_command_that_is_named_exists() -> None:
    named = {words.split()[0].rstrip(".") for path in PAGES for words in documented(path)}
    assert named <= COMMANDS.keys()
    # Without `python -m`, as a module among the flags of another.
    mentioned = {name for path in PAGES for name in re.findall(r"`(src\.\w+)`", path.read_text())}
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert {
        name for name in mentioned - COMMANDS.keys() if f"| `{name}` |" not in changelog
    } == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_that_is_named_exists(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    known = flags(command, capsys)
    sources = [ROOT / "Makefile", *PAGES]
    sources += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    for source in sources:
        for words in documented(source):
            name, _, rest = words.partition(" ")
            assert name in COMMANDS, source
            if name == command:
                assert set(FLAG.findall(rest)) <= known, source
