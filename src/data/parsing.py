"""The fast way to read .jsonl files: thousands of lines of the usual form at once.

Where anything is unusual, right or wrong, it returns nothing, and `reading` takes the lines one by
one; only that knows what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..tokenizer import BOS, EOS, VOCABULARY, CharTokenizer
from .problems import OVER, TIMES, Ints, apply

Bytes = NDArray[np.uint8]

PRECEDENCES = ("left_to_right", "standard")

# What stands before the prompt, the target, the text, and behind.
_HEAD, _TARGET, _TEXT, _TAIL = (
    np.frombuffer(part.encode(), np.uint8)
    for part in ('{"prompt": "', '", "target": "', f'", "text": "{BOS}', f'{EOS}"}}\n')
)
_UNKNOWN = 255
_IDS = np.full(256, _UNKNOWN, np.uint8)
_IDS[0] = CharTokenizer.pad_id
for _id, _token in enumerate(VOCABULARY):
    if len(_token) == 1:
        _IDS[ord(_token)] = _id
_ZERO, _NINE = VOCABULARY.index("0"), VOCABULARY.index("9")
# The operators follow each other as in `problems.OPERATORS`.
_PLUS, _MINUS = VOCABULARY.index("+"), VOCABULARY.index("-")
# Larger tables than that mean lines of very different lengths.
_LARGEST = 2**25


@dataclass(frozen=True)
class Parsed:
    """Lines that are as they should be.

    Attributes:
        tokens: (n, longest), padded token ids of the texts.
        precedences: under which of `PRECEDENCES` all answers are right.
    """

    tokens: Bytes
    precedences: tuple[str, ...]


def parse(lines: bytes) -> Parsed | None:
    r"""Whole lines, each with its end; None if any of them is unusual.

    >>> line = b'{"prompt": "7+5=", "target": "12", "text": "<bos>7+5=12<eos>"}\n'
    >>> parse(line).tokens.tolist(), parse(line).precedences
    ([[1, 10, 13, 8, 17, 4, 5, 2]], ('left_to_right', 'standard'))
    >>> parse(line.replace(b"12", b"13"))
    Parsed(tokens=array([[ 1, 10, 13,  8, 17,  4,  6,  2]], dtype=uint8), precedences=())
    """
    buffer = np.frombuffer(lines, np.uint8)
    ends = np.flatnonzero(buffer == ord("\n"))
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1])
    fixed = sum(map(len, (_HEAD, _TARGET, _TEXT, _TAIL)))
    # Prompt and target stand there twice.
    doubled = ends + 1 - starts - fixed
    lengths = doubled // 2
    longest = int(lengths.max(initial=0))
    if lengths.min(initial=1) < 1 or (doubled % 2).any() or len(lengths) * longest > _LARGEST:
        return None
    # A window may reach beyond the end of a short last line.
    buffer = np.concatenate([buffer, np.zeros(fixed + longest, np.uint8)])
    text = starts + len(_HEAD) + lengths + len(_TARGET) + len(_TEXT)
    place = np.arange(longest, dtype=np.int32)
    inside = place < lengths[:, None]
    ids = _IDS[np.where(inside, _windows(buffer, text, longest), 0)]
    is_equals = ids == CharTokenizer.equals_id
    if ids.max() == _UNKNOWN or not (is_equals.sum(1) == 1).all():
        return None
    # Of prompts, with their "=".
    prompts = is_equals.argmax(1) + 1
    target = starts + len(_HEAD) + prompts + len(_TARGET)
    if not (
        _stands_at(buffer, starts, _HEAD)
        and _stands_at(buffer, target - len(_TARGET), _TARGET)
        and _stands_at(buffer, text - len(_TEXT), _TEXT)
        and _stands_at(buffer, text + lengths, _TAIL)
        and _same(buffer, starts + len(_HEAD), text, prompts)
        and _same(buffer, target, text + prompts, lengths - prompts)
    ):
        return None
    precedences = _right(ids, prompts, lengths)
    if precedences is None:
        return None
    tokens = np.zeros((len(ids), longest + 2), np.uint8)
    tokens[:, 0] = CharTokenizer.bos_id
    tokens[:, 1:-1] = ids
    tokens[np.arange(len(ids)), lengths + 1] = CharTokenizer.eos_id
    return Parsed(tokens, precedences)


def _windows(buffer: Bytes, starts: Ints, width: int) -> Bytes:
    """The bytes from each start on: (n, width)."""
    return sliding_window_view(buffer, width)[starts]


def _stands_at(buffer: Bytes, starts: Ints, constant: Bytes) -> bool:
    return bool((_windows(buffer, starts, len(constant)) == constant).all())


def _same(buffer: Bytes, one: Ints, other: Ints, lengths: Ints) -> bool:
    """Whether the same bytes stand at two places of each line."""
    longest = int(lengths.max())
    outside = np.arange(longest, dtype=np.int32) >= lengths[:, None]
    differs = _windows(buffer, one, longest) != _windows(buffer, other, longest)
    return not (differs & ~outside).any()


def _right(ids: Bytes, prompts: Ints, lengths: Ints) -> tuple[str, ...] | None:
    """Under which precedences all answers are right; None for an unusual problem or answer.

    Args:
        ids: (n, T), token ids from the first digit of the prompt on.
        prompts: (n,), tokens of each prompt.
        lengths: (n,), tokens of prompt and answer.
    """
    is_digit = (ids >= _ZERO) & (ids <= _NINE)
    is_operator = (ids >= _PLUS) & (ids < CharTokenizer.equals_id)
    # Digits first, behind each operator, and an answer.
    if not is_digit[:, 0].all() or is_operator[:, -1].any() or (prompts == lengths).any():
        return None
    if (is_operator[:, :-1] & ~is_digit[:, 1:]).any():
        return None
    row, place = np.nonzero(is_operator)
    symbol = ids[row, place]
    is_sign = place >= prompts[row]
    if not ((place == prompts[row]) & (symbol == _MINUS))[is_sign].all():
        return None
    negative = np.zeros(len(ids), bool)
    negative[row[is_sign]] = True
    # As many operators in all rows.
    per_row = np.bincount(row[~is_sign], minlength=len(ids))
    n_operators = int(per_row[0])
    if n_operators == 0 or not (per_row == n_operators).all():
        return None
    places = place[~is_sign].reshape(len(ids), n_operators)
    operators = symbol[~is_sign].reshape(len(ids), n_operators).astype(np.int64) - _PLUS
    begins = np.column_stack([np.zeros(len(ids), np.int64), places + 1])
    finishes = np.column_stack([places, prompts - 1])
    operands = [_number(ids, *span) for span in zip(begins.T, finishes.T, strict=True)]
    begin = prompts + negative
    answers = _number(ids, begin, lengths)
    if answers is None or any(operand is None for operand in operands):
        return None
    numbers = np.column_stack([operand for operand in operands if operand is not None])
    # Written as str() does: no leading zero, no -0.
    starts_with_zero = ids[np.arange(len(ids)), begin] == _ZERO
    if (starts_with_zero & ((lengths - begin > 1) | negative)).any():
        return None
    largest = int(numbers.max()) ** (numbers.shape[1] if (operators == TIMES).any() else 1)
    if numbers.shape[1] * largest >= 2**63:
        return None
    answers = np.where(negative, -answers, answers)
    if n_operators == 1:
        right = _is_right(numbers, operators, answers, "standard")
        return PRECEDENCES if right else ()
    return tuple(p for p in PRECEDENCES if _is_right(numbers, operators, answers, p))


def _number(ids: Bytes, begin: Ints, finish: Ints) -> Ints | None:
    """The number in the columns begin .. finish of each row; None if one is too long: (n,)."""
    width = int((finish - begin).max())
    if width > 18:
        return None
    padded = np.concatenate([np.zeros(width, np.uint8), ids.ravel()])
    digits = _windows(padded, np.arange(len(ids)) * ids.shape[1] + finish, width)
    value = np.zeros(len(ids), np.int64)
    for column in range(width):
        written = width - column <= finish - begin
        value = 10 * value + np.where(written, digits[:, column].astype(np.int64) - _ZERO, 0)
    return value


def _is_right(numbers: Ints, operators: Ints, answers: Ints, precedence: str) -> bool:
    sums, terms = np.zeros(len(numbers), np.int64), numbers[:, 0]
    for operator, operand in zip(operators.T, numbers.T[1:], strict=True):
        divides = operator == OVER
        if (operand[divides] == 0).any() or (terms[divides] % operand[divides]).any():
            return False
        sums, terms = apply(operator, operand, sums, terms, precedence)
    return bool((sums + terms == answers).all())
