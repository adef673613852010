"""The test whether one architecture is better than another, over seeds and problems at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf, sqrt

import numpy as np

CROSSED = "crossed t"
MCNEMAR = "McNemar"


@dataclass(frozen=True)
class Difference:
    """How much more of the problems A answers right than B.

    Attributes:
        mean: mean over seeds and problems of (A right) - (B right).
        low, high: 95 % confidence interval; NaN for a single seed.
        p: two-sided probability of such a difference if there were none.
        method: `CROSSED`, or `MCNEMAR` for a single seed.
    """

    mean: float
    low: float
    high: float
    p: float
    method: str


def compare(
    wrong_a: Sequence[set[str]], wrong_b: Sequence[set[str]], n_problems: int
) -> Difference:
    """Compare two architectures that answered the same problems with the same seeds.

    Both seeds and problems are samples: another seed would fail elsewhere, and other problems
    would be asked. A test over problems alone takes the accident of one initialisation for the
    architecture's merit; one over seeds alone forgets that the test split is a sample too. This
    is the analysis of readers by cases of Dorfman, Berbaum and Metz 1992 with Hillis' degrees of
    freedom (Hillis 2007, doi 10.1002/sim.2532), seeds as readers: the difference d of each seed
    and problem has a variance from seeds, one from problems and a rest, and
    ``t = mean(d) / sqrt((MS_seeds + max(MS_problems - MS_rest, 0)) / (seeds * problems))``.

    With one seed there is no variance of seeds to be had, and McNemar's exact test compares these
    two sets of weights, not the architectures.

    Args:
        wrong_a, wrong_b: the problems answered wrong, a set for each seed, in the same order.
        n_problems: that were asked; those that nobody got wrong need no name.
    """
    # scipy takes a second to import.
    from scipy import stats

    S, P = len(wrong_a), n_problems
    names = sorted(set(chain(*wrong_a, *wrong_b)))
    # Of the problems that nobody got wrong, each d is 0: they are counted, not listed.
    d = np.array(
        [[(n in b) - (n in a) for n in names] for a, b in zip(wrong_a, wrong_b, strict=True)],
        dtype=float,
    ).reshape(S, len(names))
    mean = d.sum() / (S * P)
    if S == 1:
        better, worse = int((d > 0).sum()), int((d < 0).sum())
        p = stats.binomtest(better, better + worse).pvalue if better + worse else 1.0
        return Difference(mean, np.nan, np.nan, float(p), MCNEMAR)

    unnamed = P - len(names)
    of_seed, of_problem = d.sum(1) / P, d.mean(0)
    ss_seeds = P * ((of_seed - mean) ** 2).sum()
    ss_problems = S * (((of_problem - mean) ** 2).sum() + unnamed * mean**2)
    ss_all = ((d - mean) ** 2).sum() + S * unnamed * mean**2
    ms_seeds = ss_seeds / (S - 1)
    ms_problems = ss_problems / (P - 1)
    ms_rest = max(ss_all - ss_seeds - ss_problems, 0.0) / ((S - 1) * (P - 1))
    variance = ms_seeds + max(ms_problems - ms_rest, 0.0)
    freedom = variance**2 / (ms_seeds**2 / (S - 1)) if ms_seeds else inf
    error = sqrt(variance / (S * P))
    if not error:
        # Every seed and problem agrees: nothing varies that could be tested.
        return Difference(mean, mean, mean, 1.0 if not mean else 0.0, CROSSED)
    half = error * float(stats.t.ppf(0.975, freedom))
    p = 2 * float(stats.t.sf(abs(mean) / error, freedom))
    return Difference(mean, mean - half, mean + half, p, CROSSED)


def holm(p_values: Sequence[float]) -> list[float]:
    """p values of several tests, corrected so that one false alarm among them is rare: Holm 1979.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted
