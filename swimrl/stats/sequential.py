"""Exact group-sequential tests by permutation: the arms are compared at several looks.

Under the null hypothesis, equal distributions in both arms, the seeds of one look may change arms without
altering the distribution of the whole sequence of statistics. So the runs of each look are divided again and
again at random, and the boundary of a look is the least value that at most the share of divisions exceeds
that this look may spend. The true division is one of them. Therefore the probability of a false
finding at any look is at most the level, whatever the distribution of the scores, ties and outliers included:
no normal theory, no approximation by many runs. Runs are exchanged within their task only.

The boundary of a look uses the pooled scores up to this look alone, so a look that was taken is never changed
by later runs.

Letters in shapes: K looks, N, M new runs of the two arms at a look, D divisions (the true one is the first).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from swimrl.stats.spending import Spending

DIVISIONS = 50_000
"""Divisions of the runs, the true one included."""

Side = Literal["two", "above", "below"]
"""Where a test rejects: at a large statistic of either sign, of positive sign, or of negative sign."""


@dataclass(frozen=True)
class Look:
    """The runs that are new at a look: scores of the arm and of the baseline, by task, [N] and [M]."""

    arm: Mapping[str, np.ndarray]
    baseline: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Design:
    """The looks of a study and how they spend the error probability."""

    seeds: tuple[int, ...]
    """Seeds of an arm at each look, ascending."""

    spending: Spending

    def spent(self, looks: int, alpha: float, *, sides: int) -> np.ndarray:
        """Return the error probability that may be spent up to each of the first looks, [looks]."""
        last = self.seeds[-1]
        return np.array(
            [self.spending.spent(seeds / last, alpha, sides=sides) for seeds in self.seeds[:looks]]
        )


@dataclass(frozen=True)
class Statistics:
    """A statistic at each look, for the true division of the runs and for others, float64 [D, K]."""

    values: np.ndarray

    def crossing(self, design: Design, alpha: float, side: Side = "two") -> int | None:
        """Return the number of the first look, from 0, at which the test rejects; None if at none so far.

        Args:
            design: The looks and the spending.
            alpha: Error probability of the whole design.
            side: Where it rejects.
        """
        distance = {"two": np.abs, "above": np.positive, "below": np.negative}[side](self.values)
        spent = design.spent(distance.shape[1], alpha, sides=2 if side == "two" else 1)
        for look, crossed in enumerate(_crossed(distance, spent)):
            if crossed[0]:
                return look
        return None

    def spent(self, design: Design, alpha: float) -> np.ndarray:
        """Return the share of the divisions that cross up to each look in the two-sided test, [K].

        It is what the test spends; ties make it less than what it may spend.
        """
        distance = np.abs(self.values)
        may = design.spent(distance.shape[1], alpha, sides=2)
        return np.cumsum([crossed.mean() for crossed in _crossed(distance, may)])

    def p_value(self, design: Design, side: Side = "two") -> float:
        """Return the least level at which the test rejects at one of the looks so far (Liu & Anderson 2008).

        It is 1 if no level below 1 rejects. The resolution is one division.
        """
        return least_level(lambda alpha: self.crossing(design, alpha, side) is not None, self._resolution)

    @property
    def z(self) -> np.ndarray:
        """The statistic of the true division by the standard deviation over all divisions, [K]."""
        spread = self.values.std(axis=0)
        return np.where(spread > 0, self.values[0] / np.where(spread > 0, spread, 1), 0.0)

    @property
    def _resolution(self) -> float:
        return 1 / len(self.values)


def mann_whitney(looks: Sequence[Look], *, seed: int = 0, divisions: int = DIVISIONS) -> Statistics:
    """Return the probability of improvement minus 1/2, averaged over tasks, on all runs up to each look.

    It is the statistic of `swimrl.stats.comparison.stratified_mann_whitney`.

    Args:
        looks: The looks so far.
        seed: Seed of the divisions.
        divisions: How many divisions.
    """

    def of_task(together: np.ndarray, runs: int, others: int) -> _Linear:
        # U of the arm is the sum of its ranks minus what its runs win against each other.
        scale = 1 / (runs * others)
        return _Linear(_ranks(together) * scale, -(runs - 1) / (2 * others) - 0.5)

    return _statistics(looks, of_task, seed, divisions)


def mean_difference(looks: Sequence[Look], *, seed: int = 0, divisions: int = DIVISIONS) -> Statistics:
    """Return the difference of means in units of the pooled spread, averaged over tasks, up to each look.

    The pooled spread of all runs of a task does not depend on how they are divided.

    Args:
        looks: The looks so far.
        seed: Seed of the divisions.
        divisions: How many divisions.
    """

    def of_task(together: np.ndarray, runs: int, others: int) -> _Linear:
        spread = float(together.std()) or 1.0
        centred = (together - together.mean()) / spread
        # The sum of all is 0, so the mean of the others is minus the arm's sum by their number.
        return _Linear(centred * (1 / runs + 1 / others), 0.0)

    return _statistics(looks, of_task, seed, divisions)


def least_level(rejects: Callable[[float], bool], resolution: float) -> float:
    """Return the least level at which a test rejects, by bisection; 1 if it never does.

    Args:
        rejects: Whether the test rejects at this level; assumed to stay true at higher levels.
        resolution: How exactly the level is determined.
    """
    low, high = 0.0, 1.0
    if not rejects(1 - resolution):
        return 1.0
    while high - low > resolution / 2:
        middle = (low + high) / 2
        low, high = (low, middle) if rejects(middle) else (middle, high)
    return high


@dataclass(frozen=True)
class _Linear:
    """A statistic that is a sum of weights over the runs in the arm, plus a constant."""

    weights: np.ndarray
    constant: float


def _statistics(
    looks: Sequence[Look],
    of_task: Callable[[np.ndarray, int, int], _Linear],
    seed: int,
    divisions: int,
) -> Statistics:
    """Return the mean over tasks of a statistic of the runs up to each look."""
    tasks = list(looks[0].arm)
    values = np.zeros((divisions, len(looks)))
    for number, task in enumerate(tasks):
        pools = [np.concatenate([look.arm[task], look.baseline[task]]) for look in looks]
        sizes = [(len(look.arm[task]), len(look.baseline[task])) for look in looks]
        in_arm = [_divided(*size, (seed, number, place), divisions) for place, size in enumerate(sizes)]
        for last in range(len(looks)):
            upto = last + 1
            runs, others = (sum(size[which] for size in sizes[:upto]) for which in (0, 1))
            linear = of_task(np.concatenate(pools[:upto]), runs, others)
            start = 0
            for pool, arm in zip(pools[:upto], in_arm[:upto], strict=True):
                values[:, last] += arm @ linear.weights[start : start + len(pool)] / len(tasks)
                start += len(pool)
            values[:, last] += linear.constant / len(tasks)
    return Statistics(np.round(values, 12))  # so that equal statistics compare as equal


@lru_cache(maxsize=32)
def _divided(runs: int, others: int, seed: tuple[int, ...], divisions: int) -> np.ndarray:
    """Return which runs are in the arm, float32 0 or 1, [D, N + M]; the first division is the true one."""
    true = (np.arange(runs + others) < runs).astype(np.float32)
    generator = np.random.Generator(np.random.PCG64(seed))
    drawn = generator.permuted(np.broadcast_to(true, (divisions, len(true))), axis=1)
    drawn[0] = true
    drawn.flags.writeable = False
    return drawn


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return how many other values each exceeds, ties counted half."""
    ordered = np.sort(values)
    below = np.searchsorted(ordered, values, "left")
    upto = np.searchsorted(ordered, values, "right")
    return np.asarray((below + upto - 1) / 2)


def _crossed(distance: np.ndarray, spent: np.ndarray) -> list[np.ndarray]:
    """Return which divisions cross first at each look, [D] for each of K looks.

    Args:
        distance: The statistic, larger for stronger evidence, [D, K].
        spent: Share of the divisions that may have crossed up to each look, [K].
    """
    divisions = len(distance)
    inside = np.ones(divisions, bool)
    looks = []
    for at_look, share in zip(distance.T, np.diff(spent, prepend=0.0), strict=True):
        # What a look cannot spend, because of ties, is lost. If later looks got it, a division could cross at
        # one level and not at a higher one, and the procedure for several comparisons would not be valid.
        crossed = inside & (at_look > _bound(at_look[inside], int(share * divisions + 1e-9)))
        looks.append(crossed)
        inside = inside & ~crossed
    return looks


def _bound(values: np.ndarray, may: int) -> float:
    """Return the least value that at most ``may`` of ``values`` exceed."""
    if may <= 0:
        return np.inf
    if may >= len(values):
        return -np.inf
    return float(np.partition(values, len(values) - may - 1)[len(values) - may - 1])
