"""Counts of wrong answers over both operands, binned by length and leading digit."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from ..data.formats import Format
from ..data.problems import Integers, Ints, narrowed
from ..splits.space import ProblemSpace


def bin_starts(low: int, high: int) -> Integers:
    """First numbers of the bins of low .. high: a bin for each length and leading digit.

    >>> bin_starts(8, 234).tolist()
    [8, 9, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 200]
    """
    powers = [10**k for k in range(len(str(high)))]
    starts = [digit * power for power in powers for digit in range(1, 10)]
    found = [low, *(start for start in starts if low < start <= high)]
    return narrowed(np.array(found, object))


def bin_names(starts: Integers, high: int) -> list[str]:
    """The name of each bin, such as ``7`` or ``100-199``.

    >>> bin_names(np.array([8, 9, 10, 20, 100, 200]), 234)
    ['8', '9', '10-19', '20-99', '100-199', '200-234']
    """
    ends = [*(starts[1:] - 1).tolist(), high]
    pairs = zip(starts.tolist(), ends, strict=True)
    return [str(start) if start == end else f"{start}-{end}" for start, end in pairs]


def operand_map(
    space: ProblemSpace, prompts: Iterable[str], written: Format, runs: int = 1
) -> pd.DataFrame:
    """How many problems there are in each cell of two bins, and how many of them are wrong.

    Args:
        space: of two operands, small enough to be enumerated.
        prompts: those that were answered wrong when all were asked, in this format.
        runs: how often each was asked.

    Returns:
        Columns first, second (names of bins), problems, wrong, share; cells without a problem
        are left out.
    """
    problems = space.enumerate()
    assert problems is not None  # it has been graded
    starts = bin_starts(space.A, space.B)
    missed = [written.read_prompt(prompt)[0] for prompt in prompts]
    wrong = narrowed(np.array(missed, object).reshape(-1, 2))
    asked, failed = _count(problems.operands, starts), _count(wrong, starts)
    names = np.array(bin_names(starts, space.B))
    first, second = np.nonzero(asked)
    frame = {"first": names[first], "second": names[second]}
    counts = {"problems": runs * asked[first, second], "wrong": failed[first, second]}
    return pd.DataFrame(frame | counts).assign(share=lambda t: t["wrong"] / t["problems"])


def _count(operands: Integers, starts: Integers) -> Ints:
    """How many pairs of operands fall in each cell, (bins, bins)."""
    cells = np.searchsorted(starts, operands, side="right") - 1
    n = len(starts)
    return np.bincount(cells[:, 0] * n + cells[:, 1], minlength=n * n).reshape(n, n)
