"""When an episode counts as failed, and how far a failed one is from passing.

Letters in shapes: N episodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from swimrl.rollouts import Rollouts


class Failure(Protocol):
    """Tells failed episodes from passed ones."""

    def failed(self, rollouts: Rollouts) -> np.ndarray:
        """Return which episodes failed, bool [N]."""

    def scores(self, rollouts: Rollouts, steps: int | None) -> np.ndarray:
        """Return 1 for each episode that passed and less for each that failed, float64 [N].

        Args:
            rollouts: The episodes.
            steps: The steps after which an episode was stopped; None if it had no such limit.
        """


@dataclass(frozen=True)
class Fall:
    """An episode fails if the environment ends it before its time limit, as Hopper's does when it falls."""

    def failed(self, rollouts: Rollouts) -> np.ndarray:
        """Return which episodes were terminated, bool [N]."""
        return rollouts.terminated

    def scores(self, rollouts: Rollouts, steps: int | None) -> np.ndarray:
        """Return 1, or for an episode that was terminated the part of ``steps`` before, float64 [N]."""
        assert steps is not None
        return np.where(rollouts.terminated, np.minimum(rollouts.lengths / steps, 0.999), 1.0)

    def __str__(self) -> str:
        return "fall"


@dataclass(frozen=True)
class ReturnBelow:
    """An episode fails if its return is below a threshold."""

    threshold: float

    scale: float
    """By how much a return must be below the threshold for a score of 1/2."""

    def failed(self, rollouts: Rollouts) -> np.ndarray:
        """Return which returns are below the threshold, bool [N]."""
        below: np.ndarray = rollouts.returns < self.threshold
        return below

    def scores(self, rollouts: Rollouts, steps: int | None) -> np.ndarray:
        """Return 1, or 1 / (1 + missing return / scale) for an episode that failed, float64 [N]."""
        missing = np.maximum(self.threshold - rollouts.returns, 0)
        return np.asarray(1 / (1 + missing / self.scale))

    def __str__(self) -> str:
        return f"return below {self.threshold:,.1f}"
