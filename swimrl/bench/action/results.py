"""Latencies in a record of kind ``policy``. No clock is read here, and no torch imported."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from swimrl.bench.action.config import ACTION, P50, PARTS
from swimrl.timing.ratio import Ratio, ratio
from swimrl.timing.record import Clock, TimingRecord

FASTEST = "fast"
"""The contender with which the others are compared."""


@dataclass(frozen=True)
class Latency:
    """How long one call takes."""

    p50_s: float
    p99_s: float
    """Medians, over the readings, of the readings' percentiles."""

    worst_s: float
    """The longest of all calls."""

    calls: int


class ActionLatencies:
    """Reads a record.

    Args:
        record: A record of kind ``policy``.
        clock: Not used: each call was timed on the wall clock alone.

    Attributes:
        arms: (contender, activation) of each arm that was measured.
    """

    def __init__(self, record: TimingRecord, clock: Clock = "wall") -> None:
        self.record = record
        self.clock = clock
        self.arms: list[tuple[str, str]] = [
            (about["contender"], about["activation"])
            for name, about in record.arms.items()
            if record.find(name, ACTION) is not None
        ]

    def latency(self, contender: str, activation: str) -> Latency | None:
        """Return how long a call takes, or None if it was not measured."""
        arm = f"{contender} {activation}"
        whole, series = self.record.find(arm, ACTION), [self.record.find(arm, ACTION, p) for p in PARTS]
        p50, p99, worst = (np.asarray(one.wall_s) if one else np.zeros(0) for one in series)
        if whole is None or not p50.size:
            return None
        calls = whole.count * p50.size
        return Latency(float(np.median(p50)), float(np.median(p99)), float(worst.max()), calls)

    def against_fastest(self, contender: str, activation: str) -> Ratio | None:
        """Return the median call as a multiple of our fastest path's; None for that path itself."""
        series, fastest = (
            self.record.find(f"{name} {activation}", ACTION, P50) for name in (contender, FASTEST)
        )
        if contender == FASTEST or series is None or fastest is None:
            return None
        return ratio(series.wall_s, fastest.wall_s)
