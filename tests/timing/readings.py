"""Readings and records made of chosen numbers, without a clock."""

from __future__ import annotations

import numpy as np

from swimrl.timing.record import Readings, Series, TimingRecord


def noisy(centre: float, *, seed: int, processes: int = 2, rounds: int = 10, noise: float = 0.03) -> Readings:
    """Return readings around ``centre`` with the long tail to the right that disturbances make, [P][R]."""
    generator = np.random.Generator(np.random.PCG64(seed))
    readings = centre * (1 + generator.gamma(1.0, noise, size=(processes, rounds)))
    return tuple(map(tuple, readings.tolist()))


def series(readings: Readings, *, arm: str = "one", work: str = "work", count: int = 1) -> Series:
    """Return a series whose processor was never taken away."""
    return Series(arm, work, count, readings, readings)


def record(*all_series: Series, **fields: object) -> TimingRecord:
    """Return a record of single-threaded arms."""
    arms = {one.arm: {"threads": 1} for one in all_series}
    return TimingRecord(**{"kind": "test", "settings": {}, "arms": arms, "series": all_series, **fields})
