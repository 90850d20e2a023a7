"""Contrasts of means of arms with unequal spreads (Welch 1938, Satterthwaite 1946).

Letters in shapes: N runs of an arm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from swimrl.errors import UndeterminedError


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of means, such as a difference of two, or of two differences."""

    estimate: float
    standard_error: float
    degrees_of_freedom: float
    """Of the t distribution that the estimate divided by its standard error is compared with."""

    @property
    def p_value(self) -> float:
        """The two-sided p-value of the hypothesis that the weighted sum of true means is 0."""
        from scipy.special import stdtr

        return 2 * float(stdtr(self.degrees_of_freedom, -abs(self.estimate) / self.standard_error))

    def half_width(self, level: float) -> float:
        """Return half of the width of the confidence interval at a level such as 0.95."""
        from scipy.special import stdtrit

        return float(stdtrit(self.degrees_of_freedom, (1 + level) / 2)) * self.standard_error


def contrast(arms: Sequence[np.ndarray], weights: Sequence[float]) -> Contrast:
    """Return the contrast sum(weight * mean) of independent arms.

    With v = weight^2 * variance / N of each arm, the standard error is sqrt(sum v), and the degrees of
    freedom are (sum v)^2 / sum(v^2 / (N - 1)).

    Args:
        arms: The scores of each arm, [N].
        weights: The weight of each arm's mean.

    Raises:
        UndeterminedError: With fewer than 2 runs in an arm, or no spread in any.

    Example:
        >>> growth = contrast([[9.0, 11.0], [7.0, 9.0], [5.0, 6.0], [5.0, 5.0]], [1, -1, -1, 1])
        >>> growth.estimate  # (10 - 8) - (5.5 - 5)
        1.5
    """
    runs = [enough_runs(of, 2) for of in arms]
    parts = [weight**2 * of.var(ddof=1) / len(of) for weight, of in zip(weights, runs, strict=True)]
    if sum(parts) == 0:
        raise UndeterminedError("the runs of no arm differ among each other")
    freedom = sum(parts) ** 2 / sum(part**2 / (len(of) - 1) for part, of in zip(parts, runs, strict=True))
    estimate = sum(weight * of.mean() for weight, of in zip(weights, runs, strict=True))
    return Contrast(float(estimate), math.sqrt(sum(parts)), float(freedom))


def enough_runs(x: np.ndarray, least: int) -> np.ndarray:
    """Return the scores of an arm, float64 [N].

    Raises:
        UndeterminedError: If there are fewer than ``least``.
    """
    x = np.asarray(x, float)
    if len(x) < least:
        raise UndeterminedError(f"{len(x)} run{'s' * (len(x) != 1)}; at least {least} are needed")
    return x
