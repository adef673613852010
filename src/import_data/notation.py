"""Problems as other people write them, turned into records."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..common.errors import BadRowError
from ..data.description import Convention
from ..data.formats import PLAIN
from ..data.problems import PRECEDENCES
from ..data.reading import WRONG
from ..data.records import Record

NO_PROBLEM, NO_ANSWER = "no problem", "no whole answer"

# What stands for an operator, a digit or = elsewhere; the answer tells whether it was meant so.
_SIGNS = {
    "+": "\N{FULLWIDTH PLUS SIGN}\N{SMALL PLUS SIGN}",
    "-": "\N{MINUS SIGN}\N{EN DASH}\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{FULLWIDTH HYPHEN-MINUS}",
    "*": "\N{MULTIPLICATION SIGN}\N{DOT OPERATOR}\N{MIDDLE DOT}\N{ASTERISK OPERATOR}xX"
    "\N{FULLWIDTH ASTERISK}",
    "/": "\N{DIVISION SIGN}\N{DIVISION SLASH}\N{FULLWIDTH SOLIDUS}:",
    "=": "\N{FULLWIDTH EQUALS SIGN}",
}
_PLAIN = str.maketrans(
    {theirs: ours for ours, others in _SIGNS.items() for theirs in others}
    | {chr(ord("\N{FULLWIDTH DIGIT ZERO}") + digit): str(digit) for digit in range(10)}
)
_BODY = r"[0-9]+(?:\s*[-+*/]\s*[0-9]+)+"
_PROBLEM = re.compile(rf"\s*({_BODY})\s*(?:=\s*)?(?:\?\s*)?")
# Also what a table's columns are parted by, where it has become a line.
_BOTH = re.compile(rf"\s*(?:<bos>)?\s*({_BODY})\s*[=,;\t]([^=,;]*?)(?:<eos>)?\s*")
# 12.0 is how a table of numbers with a gap somewhere writes 12.
_ANSWER = re.compile(r"\s*\+?(-?[0-9]+)(?:\.0*)?\s*")
_SPACE = re.compile(r"\s+")
# Of prompt and target: all rows of a `TokenTable` are as wide as the longest, and no model here
# reads so many.
_LONGEST = 1000
_SHOWN = 40


def to_record(
    problem: str, answer: str | None, precedences: Sequence[str] = PRECEDENCES
) -> tuple[Record, list[str]]:
    """A problem and its answer as a record, if that is right.

    >>> to_record(" 12 \N{MINUS SIGN} 34 = ?", "-22.0")
    (Record(prompt='12-34=', target='-22'), ['left_to_right', 'standard'])
    >>> to_record("2 + 3 x 4 = 20", None)
    (Record(prompt='2+3*4=', target='20'), ['left_to_right'])

    Args:
        problem: with or without ``=`` and a question mark behind.
        answer: None: it stands behind the problem.
        precedences: those that may be meant.

    Returns:
        The record, and the precedences under which its answer is right.

    Raises:
        BadRowError: for what is no problem, and for one without an answer or with a wrong one.
    """
    # Before the patterns, whose time grows with the square of a run of spaces.
    if len(problem) + len(answer or "") > 2 * _LONGEST:
        raise BadRowError(NO_PROBLEM, f"longer than {_LONGEST:,} characters")
    if answer is None:
        match = _BOTH.fullmatch(problem.translate(_PLAIN))
        if not match:
            missing = _PROBLEM.fullmatch(problem.translate(_PLAIN)) is not None
            raise BadRowError(NO_ANSWER, "no answer") if missing else _no_problem(problem)
        answer = match[2]
    else:
        match = _PROBLEM.fullmatch(problem.translate(_PLAIN))
        if not match:
            raise _no_problem(problem)
    target = _ANSWER.fullmatch(answer.translate(_PLAIN))
    if not target:
        raise BadRowError(NO_ANSWER, f"answer {shown(answer)} is not a whole number in digits")
    prompt = _SPACE.sub("", match[1]) + "="
    if len(prompt) + len(target[1]) > _LONGEST:
        raise BadRowError(NO_PROBLEM, f"longer than {_LONGEST:,} characters")
    record = Record(prompt, str(int(target[1])))
    return record, agreeing(record, precedences)


def agreeing(record: Record, precedences: Sequence[str]) -> list[str]:
    """Those precedences under which a record's target is right.

    Raises:
        BadRowError: if there is none, with what would be right.
    """
    targets, problem = {}, ""
    for precedence in precedences:
        try:
            targets[precedence] = Convention(PLAIN, precedence).target(record.prompt)
        except ValueError as error:
            problem = str(error)
    found = [p for p, target in targets.items() if target == record.target]
    if not found:
        right = " or ".join(sorted(set(targets.values())))
        raise BadRowError(
            WRONG,
            f"the answer to {record.prompt} is {right}, not {record.target}" if right else problem,
        )
    return found


def _no_problem(text: str) -> BadRowError:
    return BadRowError(NO_PROBLEM, f"{shown(text)} is not of the form 554+456")


def shown(text: str) -> str:
    """A text of any content as one short line."""
    return ascii(text[:_SHOWN]) + ("..." if len(text) > _SHOWN else "")
