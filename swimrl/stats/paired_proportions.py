"""Two proportions of the same cases, such as the starts that fail before and after a change.

The four counts of a pair of yes-or-no outcomes: ``both`` yes, ``only_first``, ``only_second``, ``neither``.
"""

from __future__ import annotations

import math

from swimrl.errors import UndeterminedError
from swimrl.stats.comparison import Test
from swimrl.stats.interval import LEVEL, Interval


def difference_newcombe(
    both: int, only_first: int, only_second: int, neither: int, level: float = LEVEL
) -> Interval:
    """Return the interval of P(first) - P(second) of paired outcomes.

    It combines the Wilson intervals of both proportions with their correlation (Newcombe 1998, Statistics in
    Medicine 17, 2635-2650, method 10), so that it is also right where no pair differs.

    Raises:
        UndeterminedError: Without any pair.

    Example:
        >>> interval = difference_newcombe(36, 12, 2, 0)
        >>> round(interval.estimate, 3), round(interval.low, 3), round(interval.high, 3)
        (0.2, 0.057, 0.34)
    """
    n = both + only_first + only_second + neither
    if not n:
        raise UndeterminedError("no pair; at least 1 is needed")
    first, second = (both + only_first) / n, (both + only_second) / n
    estimate = first - second
    low_1, high_1 = _wilson(first, n, level)
    low_2, high_2 = _wilson(second, n, level)
    phi = _correlation(both, only_first, only_second, neither)
    below = _root(first - low_1, high_2 - second, phi)
    above = _root(high_1 - first, second - low_2, phi)
    return Interval(estimate, estimate - below, estimate + above, "newcombe", level)


def mcnemar(only_first: int, only_second: int) -> Test:
    """Test whether two paired proportions differ, exactly (McNemar 1947 with the binomial distribution).

    Example:
        >>> mcnemar(5, 0).p_value
        0.0625
    """
    from scipy.stats import binomtest

    n = only_first + only_second
    p_value = float(binomtest(only_first, n).pvalue) if n else 1.0
    return Test(p_value, "exact McNemar")


def _wilson(proportion: float, n: int, level: float) -> tuple[float, float]:
    from scipy.stats import norm

    z = float(norm.ppf((1 + level) / 2))
    centre = proportion + z * z / (2 * n)
    half = z * math.sqrt(proportion * (1 - proportion) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def _correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Return the correlation of the outcomes, corrected for continuity where it is positive."""
    n = both + only_first + only_second + neither
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if not margins:
        return 0.0
    determinant = both * neither - only_first * only_second
    corrected = max(determinant - n / 2, 0) if determinant > 0 else determinant
    return float(corrected / math.sqrt(margins))


def _root(a: float, b: float, phi: float) -> float:
    return math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b))
