"""Group-sequential designs for normal statistics: boundaries, power, and estimates after stopping.

The statistics of the looks are those of a Brownian motion: Z_k has mean theta sqrt(I_k) and variance 1, and
Z_j, Z_k correlate by sqrt(I_j / I_k), where I_k is the information at look k. Probabilities are integrated
look by look (Armitage, McPherson & Rowe 1969; Jennison & Turnbull 2000, chapter 19). The exact test of a
study is `swimrl.stats.sequential`; this file plans it, and corrects its estimates.

Letters in shapes: K looks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from swimrl.stats.interval import LEVEL, Interval
from swimrl.stats.spending import Spending

_NODES = 128
_REACH = 9.0  # standard deviations beyond which a density is 0


@dataclass(frozen=True)
class Exits:
    """Probabilities of leaving the region of continuation at each look, float64 [K]."""

    above: np.ndarray
    below: np.ndarray


def boundaries(shares: Sequence[float], spending: Spending, alpha: float, *, sides: int = 1) -> np.ndarray:
    """Return the critical value of Z at each look, [K]; infinite where nothing is spent yet.

    Args:
        shares: Information at each look by that of the last, ascending, [K].
        spending: How the error probability is spent.
        alpha: The error probability of the whole design.
        sides: 1 rejects above the boundary, 2 also below its negative.
    """
    return boundaries_of([spending.spent(share, alpha, sides=sides) for share in shares], shares, sides=sides)


def boundaries_of(
    spent: Sequence[float] | np.ndarray, shares: Sequence[float], *, sides: int = 1
) -> np.ndarray:
    """Return the critical value of Z at each look for the error probability spent up to each, [K].

    Args:
        spent: Error probability that is spent up to each look, ascending, [K].
        shares: Information at each look by that of the last, ascending, [K].
        sides: As for `boundaries`.
    """
    from scipy.optimize import brentq

    bounds: list[float] = []
    walk = _Walk(drift=0.0)
    for share, increment in zip(shares, np.diff(spent, prepend=0.0) / sides, strict=True):

        def excess(bound: float, share: float = share, increment: float = increment) -> float:
            return walk.above(share, bound) - increment

        bound = brentq(excess, -_REACH, _REACH, xtol=1e-12) if increment > 1e-16 else math.inf
        walk.step(share, -bound if sides == 2 else -math.inf, bound)
        bounds.append(bound)
    return np.array(bounds)


def exits(shares: Sequence[float], lower: Sequence[float], upper: Sequence[float], *, drift: float) -> Exits:
    """Return the probabilities of crossing the boundaries first at each look.

    Args:
        shares: Information at each look by that of the last, ascending, [K].
        lower: Lower critical values of Z, [K].
        upper: Upper critical values of Z, [K].
        drift: Mean of Z at the last look.
    """
    walk = _Walk(drift)
    above, below = [], []
    for share, low, high in zip(shares, lower, upper, strict=True):
        above.append(walk.above(share, high))
        below.append(walk.below(share, low))
        walk.step(share, low, high)
    return Exits(np.array(above), np.array(below))


def after_stopping(
    estimate: float,
    standard_error: float,
    seeds: Sequence[int],
    bounds: Sequence[float],
    level: float = LEVEL,
) -> Interval:
    """Return the median-unbiased estimate of a difference after a two-sided design, and its interval.

    Outcomes are ordered by the look at which the study stopped (Tsiatis, Rosner & Mehta 1984). The usual
    estimate is too far from 0 when a study stops early, because it stops where chance has helped.

    Args:
        estimate: The usual estimate at the last look that was taken.
        standard_error: Its standard error.
        seeds: Seeds of an arm at each look that was taken, ascending, [K].
        bounds: Critical values of Z at these looks, [K]; that of the last does not count.
        level: Level of confidence.
    """
    from scipy.optimize import brentq

    shares = [count / seeds[-1] for count in seeds]
    z = estimate / standard_error
    upper = [*bounds[:-1], z]
    lower = [*(-bound for bound in bounds[:-1]), -math.inf]

    def p_above(theta: float) -> float:
        return float(exits(shares, lower, upper, drift=theta / standard_error).above.sum())

    def solve(p: float) -> float:
        reach = (abs(z) + 2 * _REACH) * standard_error
        return float(brentq(lambda theta: p_above(theta) - p, -reach, reach, xtol=1e-10 * reach))

    low, middle, high = (solve(p) for p in ((1 - level) / 2, 0.5, (1 + level) / 2))
    return Interval(middle, low, high, "stagewise", level)


def conditional_power(z: float, share: float, final_bound: float) -> float:
    """Return the probability that Z exceeds its last boundary if the trend so far is the truth.

    Stochastic curtailment under the estimated drift (Lan & Wittes 1988).

    Args:
        z: The statistic now.
        share: Information now by that of the last look, between 0 and 1.
        final_bound: Critical value of Z at the last look.
    """
    from scipy.stats import norm

    drift = z / math.sqrt(share)
    return float(norm.sf((final_bound - drift) / math.sqrt(1 - share)))


@cache
def _gauss_legendre() -> tuple[np.ndarray, np.ndarray]:
    points, weights = np.polynomial.legendre.leggauss(_NODES)
    return points, weights


class _Walk:
    """The density of S_k = Z_k sqrt(share) on the paths that have not left the region of continuation."""

    def __init__(self, drift: float) -> None:
        self._drift = drift
        self._share = 0.0
        self._nodes = np.zeros(1)
        self._masses = np.ones(1)

    def above(self, share: float, bound: float) -> float:
        """Return the probability to be above ``bound`` (of Z) at the next look."""
        from scipy.stats import norm

        return float(self._masses @ norm.sf(self._standardised(share, bound)))

    def below(self, share: float, bound: float) -> float:
        """Return the probability to be below ``bound`` (of Z) at the next look."""
        from scipy.stats import norm

        return float(self._masses @ norm.cdf(self._standardised(share, bound)))

    def step(self, share: float, low: float, high: float) -> None:
        """Go on to the next look with the paths between ``low`` and ``high`` (of Z)."""
        centre, width = self._drift * share, _REACH * math.sqrt(share)
        ends = [min(max(bound * math.sqrt(share), centre - width), centre + width) for bound in (low, high)]
        points, weights = _gauss_legendre()
        half = (ends[1] - ends[0]) / 2
        nodes = ends[0] + half * (points + 1)
        new = share - self._share
        mean = self._nodes[:, None] + self._drift * new
        density = np.exp(-((nodes - mean) ** 2) / (2 * new)) / math.sqrt(2 * math.pi * new)
        self._masses = (self._masses @ density) * half * weights
        self._nodes, self._share = nodes, share

    def _standardised(self, share: float, bound: float) -> np.ndarray:
        new = share - self._share
        return (bound * math.sqrt(share) - self._nodes - self._drift * new) / math.sqrt(new)
