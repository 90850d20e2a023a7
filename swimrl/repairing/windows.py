"""The tests of a controller's repair: windows of episodes, played for all candidates together.

Letters in shapes: S candidates, D places, W windows, N episodes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from swimrl.errors import EnvironmentFaultError, NonFiniteError
from swimrl.repairing.failure import Failure
from swimrl.repairing.policies import PatchedPolicies
from swimrl.repairing.starts import Window
from swimrl.rollouts import Lockstep, play

_ROUNDS = 4
"""Into how many rounds the windows are divided; after each one hopeless candidates leave."""


class WindowTests:
    """A specification whose tests are windows: each scores 1 if the candidate passes it and less if not.

    The fitness is the sum over the windows that the unpatched policy passes, plus ``alpha`` times the sum
    over those that it fails. Windows that cannot change whether a candidate counts are left out, which
    changes nothing in the search.

    Args:
        policies: The candidates' policies.
        lockstep: Where to play.
        windows: The windows, those that fail first, W.
        failure: What counts as a failure.
        alpha: Weight of a window that the unpatched policy fails.

    Attributes:
        steps: Environment steps so far.
        skipped: Windows left out so far.
        best_passed: Which windows the best candidate so far passes, bool [W]; None before the first.
    """

    def __init__(
        self,
        policies: PatchedPolicies,
        lockstep: Lockstep,
        windows: Sequence[Window],
        failure: Failure,
        alpha: float,
    ) -> None:
        self._policies = policies
        self._lockstep = lockstep
        self._windows = list(windows)
        self._failure = failure
        self._weights = np.where([window.fails for window in windows], alpha, 1.0)
        self._best = -np.inf
        self.steps = 0
        self.skipped = 0
        self.best_passed: np.ndarray | None = None

    @property
    def most(self) -> float:
        """The fitness of a policy that passes every window."""
        return float(self._weights.sum())

    def fitness(self, candidates: np.ndarray, to_beat: np.ndarray) -> np.ndarray:
        """Return the fitness of each candidate, or an upper bound below ``to_beat``; float64 [S]."""
        scores = np.ones((len(candidates), len(self._windows)))  # what is not known yet counts as passed
        rounds = np.array_split(np.arange(len(self._windows)), min(_ROUNDS, len(self._windows)))
        with self._policies.in_use():
            for numbers in rounds:
                hopeful = np.flatnonzero(scores @ self._weights >= to_beat)
                self.skipped += (len(candidates) - len(hopeful)) * len(numbers)
                if len(hopeful):
                    scores[np.ix_(hopeful, numbers)] = self._scores(candidates, hopeful, numbers)
        fitness: np.ndarray = scores @ self._weights
        best = int(fitness.argmax())
        if fitness[best] > self._best and fitness[best] >= to_beat[best]:
            self._best, self.best_passed = float(fitness[best]), scores[best] == 1
        return fitness

    def _scores(self, candidates: np.ndarray, which: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Return the scores of some candidates on some windows, [len(which), len(numbers)]."""
        windows = [self._windows[number] for number in numbers]
        steps = windows[0].steps
        try:
            episodes = play(
                self._policies.batch_policy(candidates, np.repeat(which, len(windows))),
                self._lockstep,
                [window.start for window in windows] * len(which),
                most_steps=steps,
            )
        except (NonFiniteError, EnvironmentFaultError):
            # A candidate's actions or its physics are no longer finite: find it, and let it fail everything.
            if len(which) == 1:
                return np.zeros((1, len(windows)))
            return np.vstack([self._scores(candidates, which[[row]], numbers) for row in range(len(which))])
        self.steps += int(episodes.lengths.sum())
        return self._failure.scores(episodes, steps).reshape(len(which), len(windows))
