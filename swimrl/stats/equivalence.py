"""Two one-sided tests (Schuirmann 1987): whether two arms are equal within a declared margin.

A test for a difference that does not reject shows nothing. These tests show that the arm scores neither worse
nor better than the baseline by as much as the margin. A margin of 10 % compares the arm with 0.9 and with 1.1
times the baseline's scores; so the baseline's mean need not be known exactly.

Letters in shapes: N, M runs of the arm and of the baseline.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from swimrl.errors import ConfigError, UndeterminedError
from swimrl.stats.aggregate import Scores
from swimrl.stats.comparison import Test
from swimrl.stats.sequential import DIVISIONS, Design, Look, Statistics, mean_difference


@dataclass(frozen=True)
class Margin:
    """Differences within it do not matter.

    Raises:
        ConfigError: If it is not between 0 and 100 %, or not above 0.
    """

    size: float
    """A share of the baseline's score, or a number of return."""

    is_share: bool

    def __post_init__(self) -> None:
        if not (0 < self.size < 1 if self.is_share else 0 < self.size < math.inf):
            raise ConfigError(f"margin is {self}; expected a share such as 10%, or a return above 0")

    def ends(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the baseline's scores at the lower and at the upper end of the margin, each [M].

        Raises:
            UndeterminedError: If the margin is a share of a mean of 0.
        """
        if not self.is_share:
            return scores - self.size, scores + self.size
        mean = float(np.mean(scores))
        if mean == 0:
            raise UndeterminedError(f"a margin of {self} of a mean score of 0 has no size")
        size = math.copysign(self.size, mean)
        return scores * (1 - size), scores * (1 + size)

    def __str__(self) -> str:
        return f"{self.size:.4g}" if not self.is_share else f"{100 * self.size:.4g}%"


def parse_margin(text: str) -> Margin:
    """Return the margin that ``text`` gives.

    Raises:
        ConfigError: If it is none.

    Example:
        >>> parse_margin("10%"), parse_margin("250")
        (Margin(size=0.1, is_share=True), Margin(size=250.0, is_share=False))
    """
    number, percent, rest = text.strip().partition("%")
    try:
        size = float(number)
    except ValueError:
        size = math.nan
    if rest or math.isnan(size):
        raise ConfigError(f"margin is {text!r}; expected a share such as 10%, or a return such as 250")
    return Margin(size / 100 if percent else size, bool(percent))


@dataclass(frozen=True)
class Ends:
    """The arm against the baseline at both ends of the margin."""

    lower: Statistics
    upper: Statistics

    def crossing(self, design: Design, alpha: float) -> int | None:
        """Return the first look, from 0, by which both one-sided tests have rejected; None if not so far."""
        looks = (
            self.lower.crossing(design, alpha, "above"),
            self.upper.crossing(design, alpha, "below"),
        )
        return None if None in looks else max(look for look in looks if look is not None)


def ends(looks: Sequence[Look], margin: Margin, *, seed: int = 0, divisions: int = DIVISIONS) -> Ends:
    """Return the difference of means at both ends of the margin, at each look.

    If the arm differs from the baseline by exactly an end of the margin, and in nothing else, the runs of a
    look are exchangeable with the baseline's at this end; so the test of each end is exact.

    Args:
        looks: The looks so far.
        margin: The margin.
        seed: Seed of the divisions.
        divisions: How many divisions.

    Raises:
        UndeterminedError: If the margin has no size on a task.
    """
    at_ends = [
        [
            Look(look.arm, {task: _end(looks, task, margin, number, which) for task in look.arm})
            for number, look in enumerate(looks)
        ]
        for which in (0, 1)
    ]
    lower, upper = (mean_difference(looks_there, seed=seed, divisions=divisions) for looks_there in at_ends)
    return Ends(lower, upper)


def two_one_sided_welch(scores: Scores, baseline: Scores, margin: Margin) -> Test:
    """Test on one task whether the arm is equal to the baseline within the margin, by two Welch tests.

    Args:
        scores: Task -> scores of the arm, [N].
        baseline: Task -> scores of the baseline, [M].
        margin: The margin.

    Raises:
        UndeterminedError: With several tasks, fewer than 2 runs in an arm, or no spread.
    """
    from scipy.stats import ttest_ind

    if len(scores) != 1:
        raise UndeterminedError("returns of different tasks have no common unit")
    ((x,), (y,)) = (tuple(of.values()) for of in (scores, baseline))
    if min(len(x), len(y)) < 2 or x.var() + y.var() == 0:
        raise UndeterminedError("two one-sided tests need 2 runs in each arm that differ")
    low, high = margin.ends(np.asarray(y, float))
    above = ttest_ind(x, low, equal_var=False, alternative="greater").pvalue
    below = ttest_ind(x, high, equal_var=False, alternative="less").pvalue
    return Test(float(max(above, below)), "two one-sided Welch tests")


def _end(looks: Sequence[Look], task: str, margin: Margin, number: int, which: int) -> np.ndarray:
    """Return the baseline's scores of one look at an end; the sign of the mean is that of all looks."""
    sizes = [len(look.baseline[task]) for look in looks]
    together = margin.ends(np.concatenate([look.baseline[task] for look in looks]))[which]
    start = sum(sizes[:number])
    return together[start : start + sizes[number]]
