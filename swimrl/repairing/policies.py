"""The policies of many candidates: one actor with other values at a few places.

Letters in shapes: S candidates, D places, N episodes, M that are running, O observation, A action.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from swimrl.repairing.places import Place, linear_layers, read
from swimrl.rollouts import BatchPolicy
from swimrl.runs.weights import Normalisation
from swimrl.td3.policy import TD3Policy, perceptrons
from swimrl.training.policy_function import policy_function


class PatchedPolicies:
    """Acts with a policy whose weights at some places are replaced.

    Every action has the bits that the patched policy computes alone, because the candidates take turns in the
    policy's own memory: contact dynamics amplify the last bit.

    Args:
        policy: The policy; after each use it has its own weights again.
        normalisation: How it normalises observations.
        places: The places, D.
    """

    def __init__(
        self, policy: TD3Policy, normalisation: Normalisation | None, places: Sequence[Place] = ()
    ) -> None:
        (perceptron,) = perceptrons(policy.actor)
        self.policy = policy
        self.places = tuple(places)
        self._act = policy_function(policy, normalisation)
        self._before = read(perceptron, places) if places else np.zeros(0)
        self._targets = [
            (layer.weight.detach().numpy(), *_of_layer(places, number))
            for number, layer in enumerate(linear_layers(perceptron))
        ]

    def batch_policy(self, candidates: np.ndarray, owners: np.ndarray) -> BatchPolicy:
        """Return the policy of episodes that belong to candidates; call it within `in_use`.

        Args:
            candidates: Values of the places, [S, D].
            owners: The candidate of each episode, int [N].
        """

        def act(observations: np.ndarray, episodes: np.ndarray) -> np.ndarray:
            whose = owners[episodes]
            order = np.argsort(whose, kind="stable")
            first_rows = np.flatnonzero(np.diff(whose[order], prepend=-1))
            groups = np.split(order, first_rows[1:])
            parts = []
            for rows in groups:
                self._set(candidates[whose[rows[0]]])
                parts.append(self._act_on(observations[rows]))
            actions = np.empty((len(observations), parts[0].shape[1]), parts[0].dtype)
            actions[order] = np.concatenate(parts)
            return actions

        return act

    def unpatched(self, observations: np.ndarray, episodes: np.ndarray) -> np.ndarray:
        """Return the actions [M, A] of the policy as it is, a `BatchPolicy`."""
        return self._act_on(observations)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Give the policy its own weights again in the end."""
        try:
            yield
        finally:
            self._set(self._before)

    def _set(self, values: np.ndarray) -> None:
        for weight, rows, columns, numbers in self._targets:
            if len(numbers):
                weight[rows, columns] = values[numbers]

    def _act_on(self, observations: np.ndarray) -> np.ndarray:
        if self._act.has_batch:
            return self._act.batch(observations)
        return np.stack([self._act(observation) for observation in observations])


def _of_layer(places: Sequence[Place], layer: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, columns and numbers of the places in a layer."""
    chosen = [
        (place.row, place.column, number) for number, place in enumerate(places) if place.layer == layer
    ]
    rows, columns, numbers = np.array(chosen, int).reshape(-1, 3).T
    return rows, columns, numbers
