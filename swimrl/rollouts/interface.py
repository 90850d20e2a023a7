"""What `play` asks of the environment and of the policy.

Letters in shapes: M episodes that are running, O observation, A action, U actuators.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from swimrl.errors import EnvironmentFaultError

BatchPolicy = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(observations [M, O], numbers of the episodes [M]) -> actions [M, A] in the environment's own units.

The numbers count the starts from 0; a policy that is the same for every episode ignores them.
"""


class State(Protocol):
    """The complete state of an environment in mid-episode; an episode started from it continues bit for bit.

    A state can be pickled. It belongs to the kind of `Lockstep` that made it, and to environments made in the
    same way.
    """

    @property
    def observation(self) -> np.ndarray:
        """The observation at this state, [O]."""

    @property
    def elapsed(self) -> int:
        """Steps since the reset; the time limit counts them."""


Start = int | None | tuple[int, ...] | State
"""Where an episode starts: the seed of its reset; several seeds, of which the first that the environment does
not refuse is used; None for a reset without seed, which follows from the environment's own generator; or a
state."""


@dataclass(frozen=True)
class Outcome:
    """One step of M episodes."""

    observations: np.ndarray
    """[M, O], after the step, an array of its own."""

    rewards: np.ndarray
    """float64 [M]."""

    terminated: np.ndarray
    """bool [M]."""

    truncated: np.ndarray
    """bool [M]."""

    x_velocities: np.ndarray | None
    """``x_velocity`` of the infos in m/s, [M]; None if the environment has none."""


class Lockstep(Protocol):
    """Places in which episodes of one environment are stepped together."""

    @property
    def size(self) -> int:
        """The number of places."""

    def begin(self, place: int, start: Start) -> np.ndarray:
        """Start an episode at a place, and return its first observation [O].

        Raises:
            EnvironmentFaultError: If the environment fails.
        """

    def step(self, places: np.ndarray, actions: np.ndarray) -> Outcome:
        """Step the episodes at ``places`` [M] with ``actions`` [M, A].

        Raises:
            EnvironmentFaultError: If the environment fails.
            NonFiniteError: If an action is NaN or infinite.
        """

    def state(self, place: int) -> State:
        """Return the present state of the episode at a place."""

    def powers(self, places: np.ndarray) -> np.ndarray | None:
        """Return the actuators' power in the last step in W, [M, U]; None without a MuJoCo simulator."""


def seeds_of(start: Start) -> tuple[int | None, ...] | None:
    """Return the seeds to try, in turn; None if ``start`` is a state."""
    if start is None or isinstance(start, int | np.integer):
        return (start,)
    return start if isinstance(start, tuple) else None


def reset(env: Any, seeds: tuple[int | None, ...]) -> tuple[np.ndarray, int | None]:
    """Reset with the first seed that the environment does not refuse; return the observation and that seed.

    Raises:
        EnvironmentFaultError: If it refuses all seeds.
    """
    *others, last = seeds
    for seed in others:
        try:
            return env.reset(seed=seed)[0], seed
        except EnvironmentFaultError:
            continue
    return env.reset(seed=last)[0], last
