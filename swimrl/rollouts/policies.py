"""Batch policies made of policies of one observation.

Letters in shapes: M episodes that are running, O observation, A action.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from swimrl.rollouts.interface import BatchPolicy

Policy = Callable[[np.ndarray], np.ndarray]
"""Observation [O] -> action [A] in the environment's own units."""


def row_by_row(policy: Policy) -> BatchPolicy:
    """Return one policy for all episodes, which is called once for each of them."""

    def act(observations: np.ndarray, episodes: np.ndarray) -> np.ndarray:
        return np.stack([policy(observation) for observation in observations])

    return act


def one_each(policies: Sequence[Policy]) -> BatchPolicy:
    """Return ``policies[i]`` for episode number i.

    Policies of one architecture are faster as one function that computes with stacked weights; it finds the
    right ones by the numbers of the episodes.
    """

    def act(observations: np.ndarray, episodes: np.ndarray) -> np.ndarray:
        return np.stack([policies[i](seen) for i, seen in zip(episodes, observations, strict=True)])

    return act
