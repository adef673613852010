"""How commands end: exit code 0, or one line on stderr and 2."""

import errno
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from src import data_gen
from src.common.errors import UserError
from src.terminal.cli import run

from ..conftest import ROOT

COMMANDS = (
    *("data_gen", "train", "eval", "predict", "import_data", "sweep"),
    *("huggingface.export", "huggingface.import_checkpoint"),
)


# Of characters that are spelled out.
LONG = r"\x1b[2J" * 1000


def failing(error: BaseException) -> Callable[[], None]:
    """A command that ends with an error."""

    def main() -> None:
        raise error

    return main


def ending(main: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    """Exit code and stderr of a command."""
    with pytest.raises(SystemExit) as caught:
        run(main)
    return caught.value.code, capsys.readouterr().err


def test_a_command_that_succeeds_ends_with_0_and_says_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ending(lambda: print("done"), capsys) == (0, "")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UserError("data.N = 1: must be greater"), "error: data.N = 1: must be greater\n"),
        (UserError("not YAML:\n  line 1\r\n\tcolumn 2\n"), "error: not YAML: line 1 column 2\n"),
        (UserError("a\x0bb\x0cc\x85d\u2028e\u2029f\x1cg"), "error: a b c d e f g\n"),
        (UserError("\x1b[2J\x07\udcff"), "error: \\x1b[2J\\x07\\udcff\n"),
        (UserError(f"{'1' * 10**6}: no"), f"error: {'1' * 1500} ... {'1' * 496}: no\n"),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "a/b"),
            "error: a/b: No such file or directory\n",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "error: No space left on device\n"),
        # Another pipe than the command's own output.
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "error: Broken pipe\n"),
        (OSError("the disk is gone"), "error: the disk is gone\n"),
        # What is spelled out is longer, and the middle of what is long is left out.
        (UserError("\x1b[2J" * 1000), f"error: {LONG[:1500]} ... {LONG[-500:]}\n"),
        (
            PermissionError(errno.EACCES, "Permission denied", "x\ny"),
            "error: x y: Permission denied\n",
        ),
        (MemoryError("2 GB"), "error: not enough memory: 2 GB\n"),
        (
            RuntimeError("[x] DefaultCPUAllocator: can't allocate memory: 8 bytes\nframe #0\n"),
            "error: not enough memory: [x] DefaultCPUAllocator: can't allocate memory: 8 bytes\n",
        ),
    ],
)
def test_a_users_mistake_is_one_line_and_2(
    error: Exception, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending(failing(error), capsys) == (2, line)


LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33)); "


@pytest.mark.parametrize(
    ("allocate", "said"),
    [
        ("bytearray(2**40)", ""),
        ("__import__('numpy').ones(2**40)", ": Unable to allocate 8.00 TiB for an array "),
        ("__import__('torch').ones(2**40)", r": .*DefaultCPUAllocator: can't allocate memory: "),
    ],
)
def test_memory_that_there_is_not_is_one_line(allocate: str, said: str) -> None:
    done = command("-c", LIMITED + f"from src.terminal import cli; cli.run(lambda: {allocate})")
    assert done.returncode == 2
    assert re.match(f"error: not enough memory{said}", done.stderr)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("error", [ValueError("ours"), KeyError("ours"), RuntimeError("ours")])
def test_our_own_mistakes_keep_their_traceback(error: BaseException) -> None:
    with pytest.raises(type(error), match="ours"):
        run(failing(error))


def test_an_exit_code_of_a_commands_own_stays_and_nothing_is_added(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def main() -> None:
        try:
            raise UserError("said by another process")
        except UserError:
            sys.exit(3)

    assert ending(main, capsys) == (3, "")


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ("--N x", "argument --N: invalid int value: 'x'"),
        ("--N 2.0", "argument --N: invalid int value: '2.0'"),
        ("--N", "argument --N: expected one argument"),
        ("--ops", "argument --ops: expected one argument"),
        ("--bogus 3", "unrecognized arguments: --bogus 3"),
        ("--n_sample 300", "error: --n_sample: unknown flag; did you mean --n_samples?\n"),
        ("--out-dr=here", "error: --out-dr: unknown flag; did you mean --out_dir?\n"),
        ("--sed 1 --N x", "error: --sed: unknown flag; did you mean --seed?\n"),
        ("-N 3", "error: -N: unknown flag; did you mean --N?\n"),
        ("stray", "unrecognized arguments: stray"),
        ("--N 1", "data.N = 1: must be greater than or equal to 2"),
        ("--n_samples 0", "data.n_samples = 0: must be greater than or equal to 1"),
        ("--n_samples 1", ": leaves that split empty, as n_samples = 1"),
        ("--N 2 --B 9 --A 0 --ops + --n_samples 101", "data.n_samples = 101: only 100 different"),
        ("--A 5 --B 3", "data.A = 5: must not exceed B = 3"),
        ("--A -1", "data.A = -1: must be greater than or equal to 0"),
        ("--seed -1", "data.seed = -1: must be greater than or equal to 0"),
        ("--ops %", "data.ops = '%': must be a choice of + - * /"),
        ("--ops + +", "data.ops = '++': must be a choice of + - * /, each at most once"),
        ("--A 0 --B 0 --ops /", "data.ops = '/': the only divisor would be 0"),
        ("--config missing.yaml", "missing.yaml: no such file"),
        ("--config /", "/: Is a directory"),
        ("--n_samples 1" + "0" * 400, "data.n_samples = 1000"),
    ],
)
def test_wrong_flags_are_one_line_and_leave_the_data_untouched(
    flags: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = tmp_path / "train.jsonl"
    old.write_text("old")
    argv = ["--out_dir", str(tmp_path), *flags.split()]
    code, stderr = ending(lambda: data_gen.main(argv), capsys)
    assert code == 2
    assert stderr.startswith("error: ")
    assert reason in stderr
    assert len(stderr.splitlines()) == 1
    assert old.read_text() == "old"
    assert list(tmp_path.iterdir()) == [old]


def test_a_refused_command_makes_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["--out_dir", str(tmp_path / "new"), "--B", "9", "--n_samples", "100000000"]
    assert ending(lambda: data_gen.main(argv), capsys)[0] == 2
    assert list(tmp_path.iterdir()) == []


def test_an_output_folder_that_is_a_file_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("old")
    argv = ["--out_dir", str(taken), "--n_samples", "200"]
    code, stderr = ending(lambda: data_gen.main(argv), capsys)
    assert code == 2
    assert stderr == f"error: {taken}: File exists\n"
    assert taken.read_text() == "old"


@pytest.mark.parametrize("text", ["", "a\0b", "\ud800"])
def test_a_flag_that_should_name_a_file_names_one(text: str) -> None:
    for flag in ("--out_dir", "--config"):
        with pytest.raises(UserError, match=f"^argument {flag}: "):
            data_gen.main([flag, text])


def command(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """A finished process of this Python.

    Args:
        cwd: where it runs; elsewhere than in the repository, whose metrics it would overwrite.
    """
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        # Twenty times what it takes, for a busy machine.
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize("flags", [("--N", "x"), ("--bogus",)])
def test_the_command_line_ends_so_too(flags: tuple[str, ...], tmp_path: Path) -> None:
    old = tmp_path / "train.jsonl"
    old.write_text("old")
    done = command("-m", "src.data_gen", "--out_dir", str(tmp_path), *flags)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith("see python -m src.data_gen --help\n")
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == [old]
    assert old.read_text() == "old"


def test_an_absurd_number_of_operands_is_refused_at_once(tmp_path: Path) -> None:
    # 999 to the power of it would take hours.
    done = command("-m", "src.data_gen", "--out_dir", str(tmp_path), "--N", "1000000000")
    assert done.returncode == 2
    assert "= 1000000000" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        # Nearly all of these begin with 0, which each of 999 divisors divides.
        ("--N 4 --A 0 --B 999 --ops / --n_samples 20000", 0),
        ("--N 6 --A 1 --B 999 --ops / --n_samples 20000", 0),
        ("--N 6 --A 0 --B 999 --ops +-*/ --n_samples 300", 0),
        ("--N 10 --A 0 --B 999 --ops + --n_samples 1000000000000", 2),
    ],
)
def test_extreme_data_sets_are_written_or_refused_in_little_memory(
    flags: str, code: int, tmp_path: Path
) -> None:
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32)); "
    call = "from src import data_gen; from src.terminal import cli; cli.run(data_gen.main)"
    words = ("--out_dir", "data", *flags.split())
    done = command("-c", limited + call, *words, cwd=tmp_path)
    assert len(done.stderr.splitlines()) == (1 if code else 0)
    assert done.returncode == code
    # Three splits, their description and their counts.
    assert len(list(tmp_path.glob("data/*"))) == (0 if code else 5)
    assert code == 0 or list(tmp_path.iterdir()) == []


def imported(stderr: str) -> set[str]:
    """Top-level packages in the report of -X importtime."""
    lines = [line for line in stderr.splitlines() if line.startswith("import time:")]
    return {line.rsplit("|")[-1].strip().split(".")[0] for line in lines}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_0_and_does_not_wait_for_torch(name: str) -> None:
    done = command("-X", "importtime", "-m", f"src.{name}", "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: python -m src.{name} ")
    packages = imported(done.stderr)
    assert "argparse" in packages
    assert not packages & {"torch", "lightning", "pytorch_lightning", "torchmetrics"}


def test_generating_data_does_not_wait_for_torch(tmp_path: Path) -> None:
    flags = ("--out_dir", str(tmp_path), "--n_samples", "200")
    done = command("-X", "importtime", "-m", "src.data_gen", *flags, cwd=tmp_path)
    assert done.returncode == 0
    packages = imported(done.stderr)
    assert "numpy" in packages
    assert not packages & {"torch", "lightning", "pytorch_lightning"}


IMPORTS = "import sys; from rich.console import Console; from src.terminal import cli; "
CALL = IMPORTS + "cli.run(lambda: {})"
PRINT = ("-c", CALL.format("[print(i) for i in range(9)]"))
BUFFER = ("-c", CALL.format("sys.stdout.write('a')"))
RICH = ("-c", CALL.format("Console().print('a')"))
REFUSE = ("-c", CALL.format("[print(i) for i in range(9)] and sys.exit(2)"))


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "words", [PRINT, BUFFER, RICH, REFUSE, ("-m", "scripts.params_schema", "--help")]
)
@pytest.mark.parametrize("both", [False, True])
def test_a_reader_that_has_gone_is_no_words_and_a_shells_141(
    words: tuple[str, ...], unbuffered: str, both: bool
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stdout=writing,
        stderr=writing if both else subprocess.PIPE,
        text=True,
    )
    os.close(writing)
    # Unbuffered, argparse's help fails at once, and argparse ignores that.
    assert done.returncode == (0 if "--help" in words and unbuffered else 141)
    assert not done.stderr


FAIL = (
    '"$0" -c "from pathlib import Path; from scripts.verify import call; '
    "from src.terminal import cli; "
    "cli.run(lambda: call(Path(), 'sh', '-c', 'echo a; exit 3', show=True))\""
)


def in_shell(line: str, cwd: Path = ROOT) -> tuple[str, str]:
    """What bash says on stdout and stderr; $0 is this Python."""
    # Within `make test`, make would take its own commands for a part of that one, and say so.
    outer = ("PYTHONUNBUFFERED", "MAKE", "MFLAGS")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(outer)}
    done = subprocess.run(
        ["bash", "-c", line, sys.executable],
        cwd=cwd,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    return done.stdout, done.stderr


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ('"$0" -m tests.test_core', 141),
        (FAIL, 141),
        ("make help", 0),
        # What is wrong is wrong, whoever reads it.
        ('"$0" -m src.data_gen --bogus 2>&1', 2),
    ],
)
def test_nothing_is_said_to_a_shell_whose_reader_has_gone(command: str, code: int) -> None:
    said = in_shell(f"{{ sleep 0.2; {command}; echo $? >&3; }} 3>&2 | true")
    assert said == ("", f"{code}\n")


def test_a_command_that_another_one_failed_says_so() -> None:
    said = in_shell(f"{FAIL}; echo $?")
    assert said == ("a\n2\n", "error: sh -c echo a; exit 3 failed with exit code 3\n")


def test_closed_streams_are_no_error_and_what_goes_there_lands_in_no_file(tmp_path: Path) -> None:
    flags = "-m src.data_gen --out_dir data --n_samples 200"
    assert in_shell(f'"$0" {flags} <&- >&- 2>&-; echo $?', tmp_path) == ("0\n", "")
    assert len(list(tmp_path.glob("data/*.jsonl"))) == 3
    # A file that is opened and a process that is started while it is open.
    write = "file = open('file', 'w'); os.system('echo out; echo err >&2'); print('in', file=file)"
    script = f"import os; from src.terminal import cli; cli.run(lambda: exec({write!r}))"
    line = f'"$0" -c {shlex.quote(script)} <&- >&- 2>&-; echo $?'
    assert in_shell(line, tmp_path) == ("0\n", "")
    assert (tmp_path / "file").read_text() == "in\n"


def test_an_error_lands_nowhere_else_where_stderr_is_closed(tmp_path: Path) -> None:
    (tmp_path / "stopped").mkdir()
    (tmp_path / "stopped" / "pydantic.py").write_text("raise KeyboardInterrupt")
    for bad, code in (("--bogus", 2), ("--N x", 2), ("--config /dev/zero", 2)):
        line = f'"$0" -m src.data_gen {bad} 2>&-; echo $?'
        assert in_shell(line, tmp_path) == (f"{code}\n", "")
    # During imports, before the command has begun.
    line = 'PYTHONPATH="stopped:$PYTHONPATH" "$0" -m src.data_gen 2>&-; echo $?'
    assert in_shell(line, tmp_path) == ("130\n", "")


def test_a_path_that_the_terminal_cannot_show_is_spelled_out(tmp_path: Path) -> None:
    flags = "-m src.data_gen --n_samples 200 --out_dir"
    plain = "LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 PYTHONIOENCODING=ascii"
    for path, shown in ((r"$'a\xff\e[2J'", r"a\udcff\x1b[2J"), ("ä", r"\udcc3\udca4")):
        out, err = in_shell(f'{plain} "$0" {flags} {path}; echo $?', tmp_path)
        assert out.startswith(f"{shown}: ")
        assert out.endswith("\n0\n")
        assert err == ""


def test_a_shell_sees_it_so_too(tmp_path: Path) -> None:
    flags = "-m src.data_gen --out_dir data --n_samples 200"
    said = in_shell(f'"$0" {flags} | head -c 0; echo ${{PIPESTATUS[0]}}', tmp_path)
    assert said == ("141\n", "")
    assert len(list(tmp_path.glob("data/*.jsonl"))) == 3


@pytest.mark.parametrize("words", [PRINT, BUFFER])
def test_a_full_disk_behind_stdout_is_one_line(words: tuple[str, ...]) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (2, "error: No space left on device\n")


def test_a_full_disk_behind_stderr_is_no_words_and_2() -> None:
    assert in_shell('"$0" -m src.data_gen --bogus 2>/dev/full; echo $?') == ("2\n", "")


def test_ctrl_c_while_modules_are_imported_is_one_line_too(tmp_path: Path) -> None:
    (tmp_path / "pydantic.py").write_text("raise KeyboardInterrupt")
    done = subprocess.run(
        [sys.executable, "-m", "src.data_gen"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "error: stopped\n")


@pytest.mark.parametrize("name", ["src.train", "src.report", "benchmarks.training"])
def test_a_python_without_the_requirements_says_what_to_do(name: str) -> None:
    # -S: without what is installed.
    done = command("-S", "-m", name)
    assert done.returncode == 2
    assert re.fullmatch(
        rf"error: {re.escape(sys.executable)} has no package \w+: make install, "
        "then source .venv/bin/activate; .*\n",
        done.stderr,
    )
