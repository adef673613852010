"""Ask a model: its answer, whether it is right, and how sure it was of each digit.

python -m src.predict "12+34=" "7*8=" [--ckpt models/best.ckpt]
python -m src.predict < problems.txt    # a problem a line
python -m src.predict                   # on a terminal: a prompt
python -m src.predict --hf FOLDER [--prompt "Q: {prompt} A:"] "12+34="    # another's model
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from .common.errors import UserError
from .common.files import CHECKPOINT
from .params import PARAMS_FILE, load_params
from .terminal.cli import Parser, run, to_path
from .terminal.model_flags import add_model_flags, template_of
from .terminal.say import complain, say

if TYPE_CHECKING:
    from .data.records import Record
    from .inspection.examiner import Examiner

# Problems asked at once.
_BATCH = 512
# Bytes that are read at once, and the most that a line may have.
_BLOCK, _LONGEST = 2**16, 2**27

Ask = Callable[[Sequence[str]], int]


def examiner_of(given: Mapping[str, Any]) -> Examiner:
    """The model that the flags name, opened.

    Raises:
        UserError: for a checkpoint, or folder for transformers, that is none.
    """
    from .inspection.examiner import OtherExaminer, OurExaminer

    template, params = template_of(given), load_params(given.get("config", PARAMS_FILE))
    if "hf" in given:
        from .evaluation.other_opening import open_other

        other = open_other(given["hf"], template, params.runtime.accelerator)
        return OtherExaminer(other, params.data, params.evaluation.batch_size)
    from .checkpoint import load_checkpoint

    loaded = load_checkpoint(given.get("ckpt", CHECKPOINT))
    loaded.model.sharpen_attention(params.evaluation.attention_scale)
    return OurExaminer(loaded, params.data)


def asker(examiner: Examiner) -> Ask:
    """A function that answers problems: a line on stdout each, or on stderr for what is none.

    It returns how many were none.
    """

    def ask(prompts: Sequence[str]) -> int:
        questions: dict[str, Record] = {}
        refused: dict[str, UserError] = {}
        for prompt in prompts:
            try:
                questions[prompt] = examiner.question(prompt)
            except UserError as error:
                refused[prompt] = error
        lines = dict(zip(questions, examiner.lines(list(questions.values())), strict=True))
        for prompt in prompts:
            if prompt in refused:
                complain(refused[prompt])
            else:
                say(lines[prompt])
        return sum(prompt in refused for prompt in prompts)

    return ask


def piped(stream: IO[bytes]) -> Iterator[list[str]]:
    """Lines as they come, those that came together in one list; empty ones left out.

    Raises:
        UserError: for a line of more than `_LONGEST` bytes, which may have no end.
    """
    # A line that goes on is put together once, at its end.
    begun, size = [b""], 0
    while block := stream.read1(_BLOCK):  # type: ignore[attr-defined]
        first, *others = block.split(b"\n")
        begun.append(first)
        size += len(first)
        if others:
            *lines, rest = others
            yield _texts([b"".join(begun), *lines])
            begun, size = [rest], len(rest)
        elif size > _LONGEST:
            raise UserError(f"a line of more than {_LONGEST:,} bytes, which is no problem")
    yield _texts([b"".join(begun)])


def _texts(lines: Iterable[bytes]) -> list[str]:
    texts = (line.decode(errors="replace").strip() for line in lines)
    return [text for text in texts if text]


def converse(ask: Ask) -> None:
    """A prompt on the terminal, until Ctrl-D."""
    # Editing and history come to input() by this import.
    import readline  # noqa: F401

    say("A problem such as 554+456=; Ctrl-D ends.")
    while True:
        try:
            if line := input("> ").strip():
                ask([line])
        except (EOFError, KeyboardInterrupt):
            say("")
            return


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = Parser("src.predict", "Ask a model; without problems, those on stdin or a prompt.")
    parser.add_argument("problems", nargs="*", metavar="PROBLEM", help="such as 554+456=")
    add_model_flags(parser)
    parser.add_argument(
        "--config",
        type=to_path,
        help="configuration: data.precedence, format and modulus, where a checkpoint tells none, "
        "and what a model of --hf runs on (params.yaml)",
    )
    namespace, rest = parser.parse_known_args(argv)
    if flags := [word for word in rest if word.startswith("--")]:
        parser.error(f"unrecognized arguments: {' '.join(flags)}")
    given = vars(namespace)
    # -5+3= is no flag; what it is instead is told like any other problem.
    problems = [problem.strip() for problem in [*given.get("problems", []), *rest]]
    ask = asker(examiner_of(given))
    if not problems and sys.stdin.isatty():
        return converse(ask)
    refused = 0
    for together in [problems] if problems else piped(sys.stdin.buffer):
        for start in range(0, len(together), _BATCH):
            refused += ask(together[start : start + _BATCH])
    if refused:
        # Each has had its line.
        sys.exit(2)


if __name__ == "__main__":
    run(main)
