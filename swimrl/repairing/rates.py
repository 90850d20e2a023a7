"""Repair rate, broken rate, and what can be concluded from paired starts.

Letters in shapes: N starts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from swimrl.stats.paired_proportions import difference_newcombe, mcnemar


@dataclass(frozen=True)
class Counts:
    """Starts before and after a repair."""

    fails_before: int
    repaired: int
    """Fail before and pass after."""

    passes_before: int
    broken: int
    """Pass before and fail after."""

    @classmethod
    def of(cls, failed_before: np.ndarray, failed_after: np.ndarray) -> Counts:
        """Return the counts; both arrays are bool [N].

        Example:
            >>> before, after = np.array([True, True, False, False]), np.array([False, True, True, False])
            >>> Counts.of(before, after)
            Counts(fails_before=2, repaired=1, passes_before=2, broken=1)
        """
        return cls(
            fails_before=int(failed_before.sum()),
            repaired=int((failed_before & ~failed_after).sum()),
            passes_before=int((~failed_before).sum()),
            broken=int((~failed_before & failed_after).sum()),
        )

    @property
    def starts(self) -> int:
        """All starts, N."""
        return self.fails_before + self.passes_before

    @property
    def fails_after(self) -> int:
        """Starts that fail after the repair."""
        return self.fails_before - self.repaired + self.broken

    @property
    def repair_rate(self) -> float | None:
        """The part of the failing starts that pass after the repair; None if no start failed."""
        return self.repaired / self.fails_before if self.fails_before else None

    @property
    def broken_rate(self) -> float | None:
        """The part of the passing starts that fail after the repair; None if no start passed."""
        return self.broken / self.passes_before if self.passes_before else None

    @property
    def change(self) -> float:
        """Failure rate after minus failure rate before."""
        return (self.broken - self.repaired) / self.starts

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of ``change`` for paired starts (Newcombe)."""
        both = self.fails_before - self.repaired
        neither = self.passes_before - self.broken
        interval = difference_newcombe(both, self.broken, self.repaired, neither)
        return interval.low, interval.high

    @property
    def p_value(self) -> float:
        """The exact two-sided p-value of McNemar's test: as many starts repaired as broken."""
        return mcnemar(self.repaired, self.broken).p_value
