"""Episodes that fail because an action is not finite.

Letters in shapes: N episodes, M of them that are running, A action.
"""

from __future__ import annotations

import numpy as np


class Overflows:
    """Replaces actions that are NaN or infinite by zeros, and remembers where the episodes failed so.

    Args:
        episodes: How many, N.

    Attributes:
        steps: The steps of each episode so far, int [N].
        failed_at: The first step without a finite action, int [N]; -1 if there is none. An episode that
            `has_failed` ends is played no further.
    """

    def __init__(self, episodes: int) -> None:
        self.steps = np.zeros(episodes, int)
        self.failed_at = np.full(episodes, -1)

    def finite(self, actions: np.ndarray, episodes: np.ndarray) -> np.ndarray:
        """Return the actions [M, A] of these episodes with zeros in place of those that are not finite."""
        is_bad = np.asarray(~np.isfinite(actions).all(axis=1))
        self.failed_at[episodes[is_bad]] = self.steps[episodes[is_bad]]
        self.steps[episodes] += 1
        return np.where(is_bad[:, None], np.zeros((), actions.dtype), actions)

    def has_failed(self, observations: np.ndarray, episodes: np.ndarray) -> np.ndarray:
        """Return which of these episodes have failed, bool [M]; for ``until`` of `play`."""
        return np.asarray(self.failed_at[episodes] >= 0)
