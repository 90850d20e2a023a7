"""Confidence intervals for few runs, each with the name of its method.

results/interval-coverage simulates how often each contains the true value at 3, 5, 10 and 20 runs. The
percentile bootstrap, which rliable uses, serves for comparison and for aggregates that have no other
interval: with 5 runs its 95 % interval contains the true value in about 84 % of cases
(`percentile_coverage`).

Letters in shapes: N, M runs, R resamples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Literal

import numpy as np

from swimrl.errors import UndeterminedError
from swimrl.stats.aggregate import Aggregate, Scores
from swimrl.stats.contrast import contrast, enough_runs

LEVEL = 0.95
RESAMPLES = 10_000

_EXACT_UP_TO = 20_000
"""Up to this number of divisions of the runs, all are tried; otherwise `RESAMPLES` are drawn."""

Method = Literal[
    "student-t",
    "welch-t",
    "bootstrap-t",
    "permutation",
    "percentile bootstrap",
    "stagewise",
    "repeated",
    "newcombe",
]


@dataclass(frozen=True)
class Interval:
    """A confidence interval and its method."""

    estimate: float
    low: float
    high: float
    method: Method
    level: float = LEVEL

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def mean_student(x: np.ndarray, level: float = LEVEL) -> Interval:
    """Return Student's t interval of the mean of the runs ``x`` [N].

    Raises:
        UndeterminedError: With fewer than 2 runs.
    """
    from scipy.special import stdtrit

    x = enough_runs(x, 2)
    half = float(stdtrit(len(x) - 1, (1 + level) / 2)) * _standard_error(x)
    return _interval(x.mean(), half, half, "student-t", level)


def difference_welch(x: np.ndarray, y: np.ndarray, level: float = LEVEL) -> Interval:
    """Return Welch's t interval of mean(x) - mean(y), which allows different spreads.

    Args:
        x: Scores of one arm, [N].
        y: Scores of the other, [M].
        level: Level of confidence.

    Raises:
        UndeterminedError: With fewer than 2 runs in an arm, or no spread in either.
    """
    return contrast_welch([x, y], [1, -1], level)


def contrast_welch(arms: Sequence[np.ndarray], weights: Sequence[float], level: float = LEVEL) -> Interval:
    """Return Welch's t interval of a weighted sum of means; see `swimrl.stats.contrast`.

    Args:
        arms: The scores of each arm, [N].
        weights: The weight of each arm's mean.
        level: Level of confidence.

    Raises:
        UndeterminedError: With fewer than 2 runs in an arm, or no spread in any.
    """
    of = contrast(arms, weights)
    half = of.half_width(level)
    return _interval(of.estimate, half, half, "welch-t", level)


def mean_bootstrap_t(x: np.ndarray, *, seed: int = 0, level: float = LEVEL) -> Interval:
    """Return the studentised bootstrap's interval of the mean of ``x`` [N] (Efron & Tibshirani 1993, 12.5).

    A resample that holds one run only has no standard error and is left out.

    Raises:
        UndeterminedError: With fewer than 4 runs, because such resamples are then frequent.
    """
    x = enough_runs(x, 4)
    resampled = x[_drawn_places((len(x),), seed, RESAMPLES)[0]]
    errors = resampled.std(axis=1, ddof=1) / math.sqrt(len(x))
    apart = errors > 0
    if not apart.any():
        raise UndeterminedError(f"all {len(x)} runs have the same score")
    deviations = (resampled[apart].mean(axis=1) - x.mean()) / errors[apart]
    low, high = np.quantile(deviations, [(1 - level) / 2, (1 + level) / 2])
    error = _standard_error(x)
    return _interval(x.mean(), high * error, -low * error, "bootstrap-t", level)


def difference_permutation(x: np.ndarray, y: np.ndarray, *, seed: int = 0, level: float = LEVEL) -> Interval:
    """Return the shifts of ``x`` [N] against ``y`` [M] that a two-sided permutation test does not reject.

    The statistic of the test is the difference of means. If there are few ways to divide the runs between the
    arms, all are tried, and the interval is exact if the arms differ by a shift alone.

    Raises:
        UndeterminedError: If the arms are so small that no shift could be rejected at this level.
    """
    x, y = enough_runs(x, 2), enough_runs(y, 2)
    first = _divisions(len(x), len(y), seed)
    ways = math.comb(len(x) + len(y), len(x))
    if 2 / ways > 1 - level:
        raise UndeterminedError(
            f"{len(x)} and {len(y)} runs can be divided in {ways} ways only, too few for a level of {level:g}"
        )
    # The difference of means of a division is linear in the shift: d(s) = d(0) - s * slope, and the observed
    # one is D - s. A shift is rejected when few divisions have |d(s)| >= |D - s|.
    weights = np.where(first, 1 / len(x), -1 / len(y))
    together = np.concatenate([x, y])
    moved = np.concatenate([np.ones(len(x)), np.zeros(len(y))])
    at_zero, slope = weights @ together, weights @ moved
    observed = float(x.mean() - y.mean())

    def p_value(shift: float) -> float:
        differences = np.abs(at_zero - shift * slope)
        return float((differences >= abs(observed - shift) * (1 - 1e-12)).mean())

    reach = float(np.ptp(together)) or 1.0
    low = _edge(p_value, observed, observed - 4 * reach, 1 - level)
    high = _edge(p_value, observed, observed + 4 * reach, 1 - level)
    return Interval(observed, low, high, "permutation", level)


def percentile_bootstrap(
    aggregate: Aggregate, scores: Scores, *, seed: int = 0, level: float = LEVEL, resamples: int = RESAMPLES
) -> Interval:
    """Return the percentile bootstrap interval of an aggregate; runs are resampled within each task.

    rliable uses this interval. It is too narrow for few runs.

    Raises:
        UndeterminedError: If a task has fewer than 2 runs.
    """
    tasks = {task: enough_runs(of_task, 2) for task, of_task in scores.items()}
    return from_resamples(
        float(aggregate(tasks)), aggregate(resampled(tasks, seed=seed, resamples=resamples)), level
    )


def resampled(scores: Scores, *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, np.ndarray]:
    """Return runs drawn with replacement within each task, [R, N]; equal seeds draw equal runs."""
    drawn = _drawn_places(tuple(map(len, scores.values())), seed, resamples)
    return {task: np.asarray(x)[places] for (task, x), places in zip(scores.items(), drawn, strict=True)}


@lru_cache(maxsize=4)
def _drawn_places(sizes: tuple[int, ...], seed: int, resamples: int) -> tuple[np.ndarray, ...]:
    """Return the places of the runs that are drawn from each task, [R, N].

    Arms have equal numbers of runs most often, so a report would draw the same places hundreds of times.
    """
    generator = _generator(seed)
    return tuple(generator.integers(size, size=(resamples, size)) for size in sizes)


def from_resamples(estimate: float, drawn: np.ndarray, level: float = LEVEL) -> Interval:
    """Return the percentile bootstrap interval; ``drawn`` is the aggregate of each resample, [R]."""
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate, float(low), float(high), "percentile bootstrap", level)


_COVERAGE = {3: 0.780, 5: 0.841, 10: 0.914, 20: 0.914}


def percentile_coverage(runs: int) -> tuple[int, float] | None:
    """Return the largest simulated number of runs up to ``runs``, and the coverage with that number.

    It is the coverage of the 95 % percentile bootstrap interval of the mean of normal scores on one task,
    from results/interval-coverage; None below 3 runs.
    """
    simulated = [n for n in _COVERAGE if n <= runs]
    return (simulated[-1], _COVERAGE[simulated[-1]]) if simulated else None


def _interval(estimate: float, below: float, above: float, method: Method, level: float) -> Interval:
    return Interval(float(estimate), float(estimate - below), float(estimate + above), method, level)


@lru_cache(maxsize=4)
def _divisions(n: int, m: int, seed: int) -> np.ndarray:
    """Return ways to choose n of n + m runs, [R, n + m]: all of them, or the observed one and random ones."""
    if math.comb(n + m, n) <= _EXACT_UP_TO:
        chosen = np.array([*combinations(range(n + m), n)])
        first = np.zeros((len(chosen), n + m), bool)
        np.put_along_axis(first, chosen, values=True, axis=1)
        return first
    observed = np.arange(n + m) < n
    first = _generator(seed).permuted(np.broadcast_to(observed, (RESAMPLES, n + m)), axis=1)
    first[0] = observed
    return first


def _edge(p_value: Callable[[float], float], inside: float, outside: float, alpha: float) -> float:
    """Return the shift at which the p-value falls to ``alpha``, by bisection."""
    for _ in range(60):
        middle = (inside + outside) / 2
        if p_value(middle) > alpha:
            inside = middle
        else:
            outside = middle
    return inside


def _standard_error(x: np.ndarray) -> float:
    return float(x.std(ddof=1)) / math.sqrt(len(x))


def _generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))
