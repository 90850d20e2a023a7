"""Medians of readings, and ratios of medians with intervals; readings are taken in interleaved rounds.

Letters in shapes: P processes, R rounds, S resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MIN_READINGS = 6
"""Fewer give no 95 % interval of a median: all 5 lie on one side of it in 2 * 0.5^5 = 6 % of cases."""

_RESAMPLES = 4_000


@dataclass(frozen=True)
class Ratio:
    """A ratio of two medians with its 95 % interval."""

    value: float

    interval: tuple[float, float] | None
    """Lower and upper end; None if undetermined, with too few readings."""

    @property
    def distinguishable(self) -> bool:
        """Whether the interval is known and excludes 1."""
        return self.interval is not None and not self.interval[0] <= 1 <= self.interval[1]


def median(readings: Sequence[Sequence[float]]) -> float:
    """Return the median of all readings [P][R]."""
    return float(np.median(np.asarray(readings)))


def spread(readings: Sequence[Sequence[float]]) -> float:
    """Return half the distance between the quartiles of all readings [P][R], as a share of their median."""
    low, middle, high = np.percentile(np.asarray(readings), [25, 50, 75])
    return float((high - low) / (2 * middle))


def ratio(
    numerator: Sequence[Sequence[float]], denominator: Sequence[Sequence[float]], *, seed: int = 0
) -> Ratio:
    """Return the ratio of the medians of two series of readings that were taken in the same rounds.

    The interval is that of the percentile bootstrap. Processes are resampled first, then their rounds, and
    both series in the same way: a disturbed round is disturbed for both. An effect of one process counts once
    and not once for each of its rounds (two-stage bootstrap, Davison & Hinkley 1997, section 3.8).

    Args:
        numerator: [P][R].
        denominator: [P][R].
        seed: Seed of the resampling; the same seed gives the same interval.

    Raises:
        ValueError: If the two were not taken in the same rounds.

    Example:
        >>> ratio([[4.0, 4.2, 3.9, 4.0, 4.1, 4.0]], [[2.0, 2.1, 2.0, 2.0, 2.0, 2.0]]).value
        2.0
    """
    a, b = np.asarray(numerator, float), np.asarray(denominator, float)
    if a.shape != b.shape or a.ndim != 2:
        raise ValueError(f"readings of shapes {a.shape} and {b.shape} were not taken in the same rounds")
    generator = np.random.Generator(np.random.PCG64(seed))
    chosen = _resamples(a.shape, generator) if a.size >= MIN_READINGS else None
    return _ratio(a, b, chosen, chosen)


def ratio_of_separate(
    numerator: Sequence[Sequence[float]], denominator: Sequence[Sequence[float]], *, seed: int = 0
) -> Ratio:
    """Return the ratio of the medians of two series of readings that were taken at different times.

    Like `ratio`, but each series is resampled on its own, because they share no rounds.

    Args:
        numerator: [P][R].
        denominator: [P][R], of other processes and rounds.
        seed: Seed of the resampling; the same seed gives the same interval.
    """
    a, b = np.asarray(numerator, float), np.asarray(denominator, float)
    generator = np.random.Generator(np.random.PCG64(seed))
    enough = min(a.size, b.size) >= MIN_READINGS
    chosen = [_resamples(x.shape, generator) if enough else None for x in (a, b)]
    return _ratio(a, b, *chosen)


_Resamples = tuple[np.ndarray, np.ndarray]
"""Which process [S, P, 1] and which of its rounds [S, P, R]."""


def _resamples(shape: tuple[int, ...], generator: np.random.Generator) -> _Resamples:
    processes, rounds = shape
    process = generator.integers(processes, size=(_RESAMPLES, processes, 1))
    return process, generator.integers(rounds, size=(_RESAMPLES, processes, rounds))


def _ratio(a: np.ndarray, b: np.ndarray, chosen_a: _Resamples | None, chosen_b: _Resamples | None) -> Ratio:
    value = float(np.median(a) / np.median(b))
    if chosen_a is None or chosen_b is None:
        return Ratio(value, None)
    resampled = [np.median(x[chosen], axis=(1, 2)) for x, chosen in ((a, chosen_a), (b, chosen_b))]
    low, high = np.percentile(resampled[0] / resampled[1], [2.5, 97.5])
    return Ratio(value, (float(low), float(high)))
