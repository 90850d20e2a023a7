"""The policies of many candidates: one actor with other values at a few places.

Letters in shapes: S candidates, D places, N episodes, M that are running, G groups of those with the same
candidate, I and U inputs and units of a layer, O observation, A action.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count

import numpy as np

from swimrl.repairing.places import Place, linear_layers, read
from swimrl.rollouts import BatchPolicy
from swimrl.runs.weights import Normalisation
from swimrl.td3.engine.acting import actor_program, product_of_all
from swimrl.td3.engine.perceptron import Call
from swimrl.td3.policy import TD3Policy, perceptrons
from swimrl.td3.threads import product_threads
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
        self._normalisation = normalisation
        self._act = policy_function(policy, normalisation)
        self._before = read(perceptron, places) if places else np.zeros(0)
        self._layers = [
            _LayerPlaces(layer.weight.detach().numpy(), places, number)
            for number, layer in enumerate(linear_layers(perceptron))
        ]
        self._actors: dict[int, _CandidatesActor] = {}

    def batch_policy(self, candidates: np.ndarray, owners: np.ndarray) -> BatchPolicy:
        """Return the policy of episodes that belong to candidates; call it within `in_use`.

        It does not check that the actions are finite; the lockstep does.

        Args:
            candidates: Values of the places, [S, D].
            owners: The candidate of each episode, int [N].
        """
        groups = _Groups(candidates, owners)

        def act(observations: np.ndarray, episodes: np.ndarray) -> np.ndarray:
            groups.update(episodes)
            if not self._act.has_batch:
                return self._one_by_one(observations, groups)
            seen = self._normalisation(observations) if self._normalisation else observations
            if len(seen) not in self._actors:
                self._actors[len(seen)] = _CandidatesActor(self.policy, len(seen), self._layers)
            return self.policy.unscale_action(self._actors[len(seen)](seen, groups))

        return act

    def unpatched(self, observations: np.ndarray, episodes: np.ndarray) -> np.ndarray:
        """Return the actions [M, A] of the policy as it is, a `BatchPolicy`."""
        if self._act.has_batch:
            return self._act.batch(observations)
        return np.stack([self._act(observation) for observation in observations])

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Give the policy its own weights again in the end."""
        try:
            yield
        finally:
            self._set(self._before)

    def _set(self, values: np.ndarray) -> None:
        for layer in self._layers:
            layer.set(values)

    def _one_by_one(self, observations: np.ndarray, groups: _Groups) -> np.ndarray:
        """Return the actions [M, A] of a policy that only PyTorch can compute."""
        actions: dict[int, np.ndarray] = {}
        for values, rows in zip(groups.values, groups.rows, strict=True):
            self._set(values)
            actions |= {row: self._act(observations[row]) for row in rows}
        return np.stack([actions[row] for row in range(len(observations))])


class _LayerPlaces:
    """The places in one layer.

    Args:
        weight: The layer's weights, which change, [U, I].
        places: The places in all layers, D.
        number: The layer's number.
    """

    def __init__(self, weight: np.ndarray, places: Sequence[Place], number: int) -> None:
        self._weight = weight
        self._numbers = np.array([n for n, place in enumerate(places) if place.layer == number], int)
        self._rows = np.array([places[n].row for n in self._numbers], int)
        self._columns = np.array([places[n].column for n in self._numbers], int)

    def __len__(self) -> int:
        return len(self._numbers)

    def set(self, values: np.ndarray) -> None:
        """Set the layer's weights at the places to those of ``values`` [D] that belong to it."""
        if len(self):
            self._weight[self._rows, self._columns] = values[self._numbers]


class _Groups:
    """Which running episodes have the same candidate.

    Args:
        candidates: Values of the places, [S, D].
        owners: The candidate of each episode, int [N].

    Attributes:
        values: Of each group the values of the places, G times [D].
        rows: Of each group the rows of its running episodes.
    """

    def __init__(self, candidates: np.ndarray, owners: np.ndarray) -> None:
        self._candidates = candidates
        self._owners = owners
        self._episodes = np.zeros(0, int)
        self.values: list[np.ndarray] = []
        self.rows: list[list[int]] = []

    def update(self, episodes: np.ndarray) -> None:
        """Group the running episodes; their numbers are int [M]."""
        if np.array_equal(episodes, self._episodes):
            return
        self._episodes = episodes.copy()
        rows: dict[int, list[int]] = {}
        for row, owner in enumerate(self._owners[episodes].tolist()):
            rows.setdefault(owner, []).append(row)
        self.values = [self._candidates[owner] for owner in rows]
        self.rows = list(rows.values())


class _CandidatesActor:
    """Computes the actor for M observations, each with the weights of its candidate.

    Each product is computed for one observation alone. The calls around it are made once for all of them,
    because they take longer than the arithmetic.

    Args:
        policy: The policy.
        size: M.
        layers: The places in each layer.
    """

    def __init__(self, policy: TD3Policy, size: int, layers: Sequence[_LayerPlaces]) -> None:
        (perceptron,) = perceptrons(policy.actor)
        self._layers = layers
        self._numbers = count()
        self._groups: _Groups | None = None
        self._inputs, self._outputs, self._program = actor_program(perceptron, size, self._product)

    def __call__(self, inputs: np.ndarray, groups: _Groups) -> np.ndarray:
        """Return the actions in [-1, 1], [M, A], at normalised observations [M, O]."""
        self._groups = groups
        self._inputs[:] = inputs
        with np.errstate(all="ignore"), product_threads(1):
            for call in self._program:
                call()
        return self._outputs.copy()

    def _product(self, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> Call:
        """Return the call that multiplies each row of ``a`` [M, I] by its candidate's weights."""
        rows = [slice(row, row + 1) for row in range(len(a))]
        calls = [product_of_all(a[row], b, out[row]) for row in rows]
        return partial(self._multiply, self._layers[next(self._numbers)], calls)

    def _multiply(self, layer: _LayerPlaces, calls: Sequence[Call]) -> None:
        assert self._groups is not None
        if not len(layer):
            for call in calls:
                call()
            return
        for values, rows in zip(self._groups.values, self._groups.rows, strict=True):
            layer.set(values)
            for row in rows:
                calls[row]()
