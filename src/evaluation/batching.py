"""Prompts of equal length asked together, each answered as if it were alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Sized
from typing import TypeVar

from ..terminal.progress_bar import track

Prompt = TypeVar("Prompt", bound=Sized)


def asked_by_length(
    prompts: Sequence[Prompt],
    ask: Callable[[list[Prompt]], list[str]],
    batch_size: int,
    noun: str,
    progress: bool = False,
) -> list[str]:
    """The answer to each prompt.

    Args:
        prompts: texts, or lists of tokens.
        ask: answers some of one length.
        batch_size: prompts asked at once.
        noun: what a bar counts, such as ``problems``.
        progress: show a bar, where there is a terminal.
    """
    alike: dict[int, list[int]] = {}
    for row, prompt in enumerate(prompts):
        alike.setdefault(len(prompt), []).append(row)
    batches = [
        rows[start : start + batch_size]
        for rows in alike.values()
        for start in range(0, len(rows), batch_size)
    ]
    said = [""] * len(prompts)
    for rows in track(batches, noun, len(prompts), progress, len):
        for row, answer in zip(rows, ask([prompts[row] for row in rows]), strict=True):
            said[row] = answer
    return said
