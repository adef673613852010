"""The confidence interval of a share that was counted on a sample."""

from math import sqrt


def wilson(successes: int, n: int) -> tuple[float, float]:
    """95 % confidence interval of a share: Wilson 1927.

    Unlike the normal approximation it stays within 0..1 and is not empty for 0 errors.

    >>> [round(bound, 4) for bound in wilson(98, 100)]
    [0.93, 0.9945]
    """
    z = 1.959964  # the normal distribution's 97.5 % quantile
    share = successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # Rounding must not push the ends past what was counted.
    return (middle - half if successes else 0.0), (middle + half if successes < n else 1.0)
