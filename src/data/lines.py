"""Lines of .jsonl files, written and read thousands at once as matrices of bytes.

Nothing here knows how a problem is written, but that its prompt ends with the first ``=``.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..tokenizer import CharTokenizer
from .digits import Words, to_words
from .problems import Ints
from .records import IDS, LINE, UNKNOWN, Tokens, enclosed

Bytes = NDArray[np.uint8]

_WORDS = [to_words([part]) for part in LINE]
_PROMPT, _TARGET, _TEXT, _END = (np.frombuffer(part.encode(), np.uint8) for part in LINE)
_FIXED = sum(map(len, LINE))
# Larger tables than that mean lines of very different lengths.
_LARGEST = 2**25


def to_lines(prompts: Words, targets: Words) -> bytes:
    r"""All rows as lines, as `records.to_line` writes one.

    >>> print(to_lines(to_words(["554+456="]), to_words(["1010"])).decode(), end="")
    {"prompt": "554+456=", "target": "1010", "text": "<bos>554+456=1010<eos>"}

    Args:
        prompts, targets: (n, words), with gaps.
    """
    before_prompt, before_target, before_both, end = _WORDS
    parts = (before_prompt, prompts, before_target, targets, before_both, prompts, targets, end)
    lines = np.empty((len(prompts), sum(part.shape[1] for part in parts)), np.uint32)
    column = 0
    for part in parts:
        lines[:, column : column + part.shape[1]] = part
        column += part.shape[1]
    characters = lines.view(np.uint8).ravel()
    return characters[characters != 0].tobytes()


def from_lines(lines: bytes) -> Tokens | None:
    r"""Token ids of lines that are written as `to_lines` does: (n, longest text).

    >>> line = b'{"prompt": "7+5=", "target": "12", "text": "<bos>7+5=12<eos>"}\n'
    >>> from_lines(line).tolist()
    [[1, 10, 13, 8, 17, 4, 5, 2]]
    >>> from_lines(line.replace(b", ", b","))

    Args:
        lines: whole ones, each with its end.

    Returns:
        None if any of them is written in another way, right or wrong.
    """
    buffer = np.frombuffer(lines, np.uint8)
    ends = np.flatnonzero(buffer == ord("\n"))
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1])
    # Prompt and target stand there twice.
    doubled = ends + 1 - starts - _FIXED
    lengths = doubled // 2
    longest = int(lengths.max(initial=0))
    if lengths.min(initial=1) < 1 or (doubled % 2).any() or len(lengths) * longest > _LARGEST:
        return None
    # A window may reach beyond the end of a short last line.
    buffer = np.concatenate([buffer, np.zeros(_FIXED + longest, np.uint8)])
    # Where the prompt and the target begin, and where both stand once more.
    prompt = starts + len(_PROMPT)
    text = prompt + lengths + len(_TARGET) + len(_TEXT)
    inside = np.arange(longest, dtype=np.int32) < lengths[:, None]
    ids = np.where(inside, IDS[_windows(buffer, text, longest)], CharTokenizer.pad_id)
    of_prompt = (ids == CharTokenizer.equals_id).argmax(1) + 1
    last = ids[np.arange(len(ids)), of_prompt - 1]
    if ids.max(initial=0) == UNKNOWN or not (last == CharTokenizer.equals_id).all():
        return None
    target = prompt + of_prompt + len(_TARGET)
    if not (
        _all_have(_PROMPT, buffer, starts)
        and _all_have(_TARGET, buffer, target - len(_TARGET))
        and _all_have(_TEXT, buffer, text - len(_TEXT))
        and _all_have(_END, buffer, text + lengths)
        and _are_equal(buffer, prompt, text, of_prompt)
        and _are_equal(buffer, target, text + of_prompt, lengths - of_prompt)
    ):
        return None
    return enclosed(ids, lengths)


def _windows(buffer: Bytes, starts: Ints, width: int) -> Bytes:
    """The bytes from each start on: (n, width)."""
    return sliding_window_view(buffer, width)[starts]


def _all_have(constant: Bytes, buffer: Bytes, starts: Ints) -> bool:
    """Whether the constant stands at each start."""
    return bool((_windows(buffer, starts, len(constant)) == constant).all())


def _are_equal(buffer: Bytes, one: Ints, other: Ints, lengths: Ints) -> bool:
    """Whether the same bytes stand at two places of each line."""
    longest = int(lengths.max())
    outside = np.arange(longest, dtype=np.int32) >= lengths[:, None]
    differs = _windows(buffer, one, longest) != _windows(buffer, other, longest)
    return not (differs & ~outside).any()
