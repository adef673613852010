"""The command answers what it can, says what it cannot, and ends accordingly."""

import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from src.common.errors import UserError
from src.data.problems import PRECEDENCES
from src.huggingface.export import export
from src.predict import main, piped
from src.terminal.cli import run

from .conftest import ARCHITECTURES, ROOT, tiny_params
from .evaluation.others import RECORDS, fit, save, tokenizer, untrained
from .huggingface.test_export import decisive

# 46 to everything, at probabilities near one: ten nats before the other tokens.
SAID = "  ".join(rf"{token} \d+\.\d\d% \(\S+ \d\.\d\d%\)" for token in ("4", "6", "<eos>"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return decisive(tmp_path_factory.mktemp("model"), "llama2")


def test_answers_and_mistakes_are_a_line_each(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["12+34=", "7*8=", "1++2=", "-5+3=", " 46+0= ", "7/2=", "12", "9" * 30 + "+1="]
    with pytest.raises(SystemExit) as caught:
        run(lambda: main([*asked, "--ckpt", str(checkpoint)]))
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert re.fullmatch(rf"12\+34=46  right  {SAID}", lines[0])
    assert re.fullmatch(rf"7\*8=46  wrong, 56  {SAID}", lines[1])
    assert re.fullmatch(rf"46\+0=46  right  {SAID}", lines[2])
    assert len(lines) == 3
    assert sorted(err.splitlines()) == [
        "error: -5+3=: must be of the form 554+456=, operators + - * /",
        "error: 1++2=: must be of the form 554+456=, operators + - * /",
        "error: 12: must be of the form 554+456=, operators + - * /",
        "error: 7/2=: 7/2 has no whole result",
        f"error: {'9' * 30}+1=: 34 tokens, but the model's max_seq_len = 24 must hold the answer "
        "too",
    ]


def test_what_the_training_did_not_hold_is_said_beside_the_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tiny_params(data={"N": 3, "ops": "+*", "precedence": "standard"}).data.model_dump()
    story = {"data": {"data": data, "sha256": {}}, "init_from": None}
    decisive(tmp_path, "llama2", story).rename(tmp_path / "best.ckpt")
    # The folder stands for it.
    main(["6+8*5=", "50-4=", "6+5*8=", "--ckpt", str(tmp_path)])
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("6+8*5=46  right  ")
    assert second.startswith("50-4=46  right (trained on + * only)  ")
    assert third.startswith("6+5*8=46  right  ")


@pytest.mark.parametrize("precedence", PRECEDENCES)
def test_imported_training_data_says_how_its_operators_bind(
    precedence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: dict[str, Any] = {"data": None, "precedence": precedence, "format": "plain", "sha256": {}}
    decisive(tmp_path, "llama2", {"data": told, "init_from": None}).rename(tmp_path / "best.ckpt")
    main(["6+8*5=", "--ckpt", str(tmp_path)])
    right = "right" if precedence == "standard" else "wrong, 70"
    assert capsys.readouterr().out.startswith(f"6+8*5=46  {right}  ")


def test_all_answered_ends_with_0(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(lambda: main(["12+34=", "--ckpt", str(checkpoint)]))
    assert caught.value.code == 0
    assert capsys.readouterr().err == ""


def test_a_wrong_flag_or_checkpoint_asks_nothing(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="unrecognized arguments: --bogus"):
        main(["1+2=", "--bogus", "--ckpt", str(checkpoint)])
    with pytest.raises(UserError, match=r"nothing.ckpt: no such file"):
        main(["1+2=", "--ckpt", str(checkpoint.with_name("nothing.ckpt"))])
    assert capsys.readouterr().out == ""


def test_anothers_model_is_asked_in_its_own_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    its, model = tokenizer(), untrained("llama", "LlamaForCausalLM")
    fit(model, its, [f"Q: {r.prompt} A: {r.target}\n" for r in RECORDS[:12]])
    folder, template = str(save(tmp_path / "hf", model, its)), "Q: {prompt} A:"
    capsys.readouterr()
    asked = [RECORDS[0].prompt, "1++2=", "7/2=", "+".join(["12"] * 40) + "=", "9-3="]
    with pytest.raises(SystemExit) as caught:
        run(lambda: main([*asked, "--hf", folder, "--prompt", template]))
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    first, second = out.splitlines()
    assert first == "3+5=8  right"
    assert re.fullmatch(r"9-3=.*  wrong, 6", second)
    refused = err.splitlines()
    assert refused[:2] == [
        "error: 1++2=: must be of the form 554+456=, operators + - * /",
        "error: 7/2=: 7/2 has no whole result",
    ]
    assert re.fullmatch(
        r"error: 12\S+\.\.\.: \d+ tokens with its answer, but the model in \S+ has 48 positions",
        refused[2],
    )
    # Asked in other words, it is lost.
    main([RECORDS[0].prompt, "--hf", folder, "--prompt", "{prompt}{Q}"])
    assert capsys.readouterr().out.endswith("  wrong, 8\n")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_exported_checkpoint_says_what_the_checkpoint_says(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = decisive(tmp_path, name)
    export(path, tmp_path / "hf")
    asked = ["12+34=", "7*8=", "1+2+3+4+36="]
    main([*asked, "--ckpt", str(path)])
    ours = capsys.readouterr().out.splitlines()
    main([*asked, "--hf", str(tmp_path / "hf")])
    theirs = capsys.readouterr().out.splitlines()
    assert theirs == ["  ".join(line.split("  ")[:2]) for line in ours]
    assert theirs == ["12+34=46  right", "7*8=46  wrong, 56", "1+2+3+4+36=46  right"]
    # Its tokenizer has no letters.
    with pytest.raises(SystemExit) as caught:
        run(lambda: main(["1+2=", "--hf", str(tmp_path / "hf"), "--prompt", "Q: {prompt}"]))
    assert caught.value.code == 2
    assert "hf: its tokenizer cannot read 'Q: 1+2=' and its like: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ("--hf x --ckpt y", "argument --ckpt: not allowed with argument --hf"),
        ("--prompt {prompt}", "--prompt is for --hf"),
        ("--prompt Q --hf x", "--prompt 'Q': must contain {prompt} exactly once"),
        ("--hf nowhere", "nowhere: no such folder"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(flags: str, reason: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(reason)}"):
        main(["1+2=", *flags.split()])


def start(checkpoint: Path, stdin: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "src.predict", "--ckpt", str(checkpoint)],
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm", "OMP_NUM_THREADS": "1"},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_a_pipe_is_answered_line_by_line(checkpoint: Path) -> None:
    process = start(checkpoint, subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    # Answered before the pipe ends.
    process.stdin.write(b"12+34=\n")
    process.stdin.flush()
    assert process.stdout.readline().startswith(b"12+34=46  right")
    rest, _ = process.communicate(b"\n\xff\r\n1+1=\n40+6=", timeout=60)
    lines = rest.decode().splitlines()
    assert lines[0].startswith("error: \ufffd: must be of the form")
    assert [line.partition("  ")[0] for line in lines[1:]] == ["1+1=46", "40+6=46"]
    assert process.returncode == 2


class Pieces:
    """A stream of which each read gives a piece."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = iter(pieces)

    def read1(self, size: int) -> bytes:
        return next(self.pieces, b"")


def test_lines_that_a_block_cuts_come_whole() -> None:
    pieces = Pieces([b"1+", b"2=\n3+4=\n5", b"+6="])
    assert list(piped(pieces)) == [["1+2=", "3+4="], ["5+6="]]  # type: ignore[arg-type]


def test_a_line_of_millions_is_read_in_linear_time_and_its_beginning_told(
    checkpoint: Path,
) -> None:
    process = start(checkpoint, subprocess.PIPE)
    # Quadratic, it would take three minutes on an idle machine.
    output, _ = process.communicate(b"1" * 120_000_000 + b"\n\x1b[2J", timeout=120)
    first, second = output.decode().splitlines()
    assert first == (
        f"error: {'1' * 80}...: 120000001 tokens, but the model's max_seq_len = 24 must hold the "
        "answer too"
    )
    assert second.startswith(r"error: \x1b[2J: must be of the form")
    assert process.returncode == 2


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.predict._LONGEST", 2**20)
    # In pieces, each of a pipe's size.
    line = [b"1" * 2**8] * 2**12
    assert list(piped(Pieces(line))) == [["1" * 2**20]]  # type: ignore[arg-type]
    with Path("/dev/zero").open("rb") as endless, pytest.raises(UserError, match="1,048,576 bytes"):
        list(piped(endless))


def read_until(terminal: int, end: bytes) -> bytes:
    """What the terminal shows, until it shows the end."""
    seen, last = b"", time.monotonic() + 60
    while end not in seen:
        assert time.monotonic() < last, seen
        seen += os.read(terminal, 4096)
    return seen


def test_a_terminal_gets_a_prompt_with_history(checkpoint: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        environment = {**os.environ, "TERM": "xterm", "OMP_NUM_THREADS": "1"}
        os.chdir(ROOT)
        words = [sys.executable, "-m", "src.predict", "--ckpt", str(checkpoint)]
        os.execve(sys.executable, words, environment)
    try:
        read_until(terminal, b"> ")
        os.write(terminal, b"12+34=\r")
        assert b"12+34=46  right" in read_until(terminal, b"\n> ")
        os.write(terminal, b"nonsense\r")
        assert b"error: nonsense: must be" in read_until(terminal, b"\n> ")
        # Twice up, and the first digit replaced.
        os.write(terminal, b"\x1b[A\x1b[A\x01\x04" + b"4\r")
        assert b"42+34=46  wrong, 76" in read_until(terminal, b"\n> ")
        os.write(terminal, b"\x04")
    finally:
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
