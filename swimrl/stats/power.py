"""What a number of seeds can show: the least effect that would be found, and the seeds that an effect needs.

Never the power of the effect that was seen, which is the p-value again in other words (Hoenig & Heisey 2001).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from swimrl.errors import UndeterminedError

ALPHA, POWER = 0.05, 0.8
_MOST_SEEDS = 100_000


@dataclass(frozen=True)
class Seeds:
    """Seeds needed in each arm, and what they would be at the ends of the spread's 95 % interval."""

    needed: int
    low: int
    high: int


def minimum_detectable_effect(
    spread: float, seeds: int, *, alpha: float = ALPHA, power: float = POWER
) -> float:
    """Return the least difference of means that a two-sided t test finds with probability ``power``.

    Args:
        spread: Standard deviation of the scores over seeds, the same in both arms.
        seeds: Seeds in each arm.
        alpha: Level of the test.
        power: Probability of finding the effect.

    Raises:
        UndeterminedError: With fewer than 2 seeds.
    """
    if seeds < 2:
        raise UndeterminedError(f"{seeds} seed an arm; at least 2 are needed")
    return _detectable_shift(2 * seeds - 2, alpha, power) * math.sqrt(2 / seeds) * spread


@cache
def _detectable_shift(freedom: int, alpha: float, power: float) -> float:
    """Return the noncentrality at which a t test has this power."""
    from scipy.optimize import brentq
    from scipy.special import stdtrit

    ample = 3 * stdtrit(freedom, 1 - alpha / 2) + 5
    return float(brentq(lambda shift: _power(shift, freedom, alpha) - power, 0, ample))


def seeds_needed(spread: float, effect: float, *, alpha: float = ALPHA, power: float = POWER) -> int:
    """Return the seeds in each arm with which a difference of ``effect`` is found with probability ``power``.

    Raises:
        UndeterminedError: If it takes more than 100,000, or there is no effect to find.
    """
    if effect <= 0:
        raise UndeterminedError("an effect of 0 needs no seeds: there is nothing to find")

    def is_enough(seeds: int) -> bool:
        return _power(effect / spread * math.sqrt(seeds / 2), 2 * seeds - 2, alpha) >= power

    if not spread:
        return 2
    low, high = 1, 2
    while not is_enough(high):
        low, high = high, 2 * high
        if high > _MOST_SEEDS:
            raise UndeterminedError(f"more than {_MOST_SEEDS:,} seeds an arm")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def seeds_needed_from(*arms: np.ndarray, effect: float, alpha: float = ALPHA, power: float = POWER) -> Seeds:
    """Return the seeds needed, with an interval from how badly the spread is known.

    Args:
        *arms: Scores of each arm, [N]; their variances are pooled.
        effect: Difference of means to find.
        alpha: Level of the test.
        power: Probability of finding it.

    Raises:
        UndeterminedError: If the spread is unknown: no arm has 2 runs.
    """
    from scipy.special import chdtri

    spread, freedom = pooled_spread(*arms)
    ends = [spread * math.sqrt(freedom / chdtri(freedom, 1 - q)) for q in (0.975, 0.025)]
    needed, low, high = (
        seeds_needed(s, effect, alpha=alpha, power=power) for s in (spread, ends[0], ends[1])
    )
    return Seeds(needed, low, high)


def pooled_spread(*arms: np.ndarray) -> tuple[float, int]:
    """Return the arms' common standard deviation and its degrees of freedom.

    Raises:
        UndeterminedError: If no arm has 2 runs.
    """
    usable = [np.asarray(x, float) for x in arms if len(x) > 1]
    freedom = sum(len(x) - 1 for x in usable)
    if not freedom:
        raise UndeterminedError("no arm has 2 runs, so the spread between seeds is unknown")
    return math.sqrt(sum((len(x) - 1) * x.var(ddof=1) for x in usable) / freedom), freedom


def _power(shift: float, freedom: int, alpha: float) -> float:
    """Return the probability of a significant difference in the right direction at this noncentrality."""
    # The same numbers as scipy.stats.nct.sf and t.ppf, whose checks of their arguments take 20 times as long.
    from scipy.special import nctdtr, stdtrit

    return float(1 - nctdtr(freedom, shift, stdtrit(freedom, 1 - alpha / 2)))
