"""The test whether one architecture is better than another, with seeds and problems as samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf, sqrt

import numpy as np

# Fewer seeds than these say nothing about others.
FEWEST_SEEDS = 3

CROSSED = "crossed t"
SIGN = "sign test"


@dataclass(frozen=True)
class Difference:
    """The difference in exact match between architectures A and B.

    Attributes:
        mean: mean over seeds and problems of (A right) - (B right).
        low, high: 95 % confidence interval, within -1 .. 1; NaN where there are fewer than
            `FEWEST_SEEDS` seeds.
        p: two-sided p value.
        method: `CROSSED`, for the architectures; or `SIGN`, for these sets of weights only.
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

    Both seeds and problems are samples: another seed would fail on other problems, and another
    test split would hold other problems. A test over problems alone takes the luck of one
    initialisation for a merit of the architecture; one over seeds alone forgets that the test
    split is a sample too. This is the analysis of readers by cases of Dorfman, Berbaum and Metz
    1992 with Hillis' degrees of freedom (Hillis 2007, doi 10.1002/sim.2532), with seeds as
    readers and problems as cases. For each seed and problem, d is (A right) - (B right); its
    variance is split into that between seeds, that between problems and a rest, and
    ``t = mean(d) / sqrt((MS_seeds + max(MS_problems - MS_rest, 0)) / (seeds * problems))``.
    It assumes that the means of the seeds are normally distributed.

    One or two seeds say too little about others: t's interval would be hundreds of points wide.
    Then the sign test compares these sets of weights, not the architectures: on how many problems
    more of A's weights are right, against how many more of B's. For one seed it is McNemar's
    exact test.

    Args:
        wrong_a, wrong_b: the problems answered wrong, a set for each seed, in the same order of
            seeds.
        n_problems: number of problems that were asked.
    """
    # scipy takes a second to import.
    from scipy import stats

    S, P = len(wrong_a), n_problems
    names = sorted(set(chain(*wrong_a, *wrong_b)))
    # (S, names); d is 0 on problems that nobody got wrong, which are counted, not listed.
    d = np.array(
        [[(n in b) - (n in a) for n in names] for a, b in zip(wrong_a, wrong_b, strict=True)],
        dtype=float,
    ).reshape(S, len(names))
    mean = d.sum() / (S * P)
    if S < FEWEST_SEEDS:
        better, worse = int((d.sum(0) > 0).sum()), int((d.sum(0) < 0).sum())
        p = stats.binomtest(better, better + worse).pvalue if better + worse else 1.0
        return Difference(mean, np.nan, np.nan, float(p), SIGN)

    unnamed = P - len(names)
    of_seed, of_problem = d.sum(1) / P, d.mean(0)
    ss_seeds = P * ((of_seed - mean) ** 2).sum()
    ss_problems = S * (((of_problem - mean) ** 2).sum() + unnamed * mean**2)
    ss_all = ((d - mean) ** 2).sum() + S * unnamed * mean**2
    ms_seeds = ss_seeds / (S - 1)
    ms_problems = ss_problems / (P - 1)
    ms_rest = max(ss_all - ss_seeds - ss_problems, 0.0) / ((S - 1) * (P - 1))
    variance = ms_seeds + max(ms_problems - ms_rest, 0.0)
    error = sqrt(variance / (S * P))
    if not error:
        # They were right and wrong on the same problems. So may they be on all others, but for a
        # share that P problems would have shown with a probability of 97.5 % (Clopper, Pearson).
        most = float(stats.binomtest(0, P).proportion_ci(method="exact").high)
        p = 0.0 if mean else 1.0
        return Difference(mean, max(mean - most, -1.0), min(mean + most, 1.0), p, CROSSED)
    freedom = variance**2 / (ms_seeds**2 / (S - 1)) if ms_seeds else inf
    half = error * float(stats.t.ppf(0.975, freedom))
    p = 2 * float(stats.t.sf(abs(mean) / error, freedom))
    # A difference of shares is no further than 1 from 0.
    return Difference(mean, max(mean - half, -1.0), min(mean + half, 1.0), p, CROSSED)


def holm(p_values: Sequence[float]) -> list[float]:
    """p values of several tests, corrected for their number by the method of Holm 1979.

    With them, the probability of any false alarm among the tests is at most the chosen level.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted
