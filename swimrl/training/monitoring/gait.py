"""The episodes of an evaluation beside their returns: start states, effort of the motion.

Letters in shapes: E episodes, T steps of all episodes together, O observation, A action.
"""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from swimrl.rollouts import Rollouts
from swimrl.rollouts.episodes import Kept
from swimrl.runs import series

NEGLIGIBLE = 0.01
"""Rewards after the step T at which an episode was cut off are neglected if gamma^T is at most this."""

_LEAST_METRES = 1.0  # mean distance of an episode below which energy per metre is meaningless


class Gait:
    """The measurements of an evaluation's episodes.

    Args:
        done: The episodes, with all of `KEEP`. Power is measured if the environment simulates with MuJoCo,
            energy per metre if its infos also hold ``x_velocity`` (m/s).
        env: The environment in which they were played.
    """

    KEEP: ClassVar[tuple[Kept, ...]] = ("observations", "actions", "rewards", "x_velocities", "powers")

    def __init__(self, done: Rollouts, env: gym.Env[Any, Any]) -> None:
        self._done = done
        self._env = env

    def starts(self) -> np.ndarray:
        """Return the first observation of each episode, [E, O]."""
        return np.array([observations[0] for observations in self._done.observations])

    def discounted_return(self, gamma: float) -> float | None:
        """Return the episodes' mean discounted return.

        None if an episode was cut off so early that the rewards after it would count.
        """
        returns = []
        for rewards, terminated in zip(self._done.rewards, self._done.terminated, strict=True):
            steps = len(rewards)
            if not terminated and gamma**steps > NEGLIGIBLE:
                return None
            returns.append(float(np.dot(rewards, gamma ** np.arange(steps))))
        return float(np.mean(returns))

    def effort(self) -> dict[str, float | None]:
        """Return action magnitude, power (W) and energy for a metre (J/m), by their tags.

        None for what cannot be measured.
        """
        space = self._env.action_space
        assert isinstance(space, gym.spaces.Box)
        largest = np.maximum(np.abs(space.low), np.abs(space.high))
        actions = np.concatenate(self._done.actions)
        effort: dict[str, float | None] = {
            series.ACTION_MAGNITUDE.at(): float((np.abs(actions) / largest).mean()),
            series.POWER.at(): None,
            series.ENERGY_PER_METRE.at(): None,
        }
        if self._done.powers:
            powers = np.concatenate(self._done.powers)
            effort[series.POWER.at()] = power = float(np.abs(powers).sum(axis=1).mean())
            seconds = len(powers) * getattr(self._env.unwrapped, "dt", 0.0)
            velocities = np.concatenate([np.zeros(0), *self._done.x_velocities])
            if len(velocities) == len(powers):
                speed = abs(float(np.mean(velocities)))
                if speed * seconds / len(self._done.powers) > _LEAST_METRES:
                    effort[series.ENERGY_PER_METRE.at()] = power / speed
        return effort
