"""The episodes of an evaluation beside their returns: start states, effort of the motion.

Letters in shapes: E episodes, T steps of all episodes together, O observation, A action.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from swimrl.runs import series
from swimrl.training.evaluation import Transition

NEGLIGIBLE = 0.01
"""Rewards after the step T at which an episode was cut off are neglected if gamma^T is at most this."""

_LEAST_METRES = 1.0  # mean distance of an episode below which energy per metre is meaningless


@dataclass
class _EpisodeRecord:
    """One episode in progress."""

    start: np.ndarray
    rewards: list[float]
    terminated: bool = False


class GaitRecorder:
    """Receives each transition of an evaluation.

    Args:
        env: The environment that is stepped. Power is measured if it simulates with MuJoCo, energy per metre
            if its infos also hold ``x_velocity`` (m/s).
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        self._env = env
        data = getattr(env.unwrapped, "data", None)
        # Views of the simulator's own arrays.
        self._force, self._velocity = (
            getattr(data, f"actuator_{name}", None) for name in ("force", "velocity")
        )
        self._episodes: list[_EpisodeRecord] = []
        self._is_between = True
        self._actions: list[np.ndarray] = []
        self._powers: list[np.ndarray] = []
        self._forward: list[float] = []

    def __call__(self, step: Transition) -> None:
        """Record one step."""
        if self._is_between:
            self._episodes.append(_EpisodeRecord(np.array(step.observation), []))
        episode = self._episodes[-1]
        episode.rewards.append(step.reward)
        episode.terminated = step.terminated
        self._is_between = step.terminated or step.truncated
        self._actions.append(step.action)
        if self._force is not None and self._velocity is not None:
            self._powers.append(self._force * self._velocity)
        if "x_velocity" in step.info:
            self._forward.append(step.info["x_velocity"])

    def starts(self) -> np.ndarray:
        """Return the first observation of each episode, [E, O]."""
        return np.array([episode.start for episode in self._episodes])

    def discounted_return(self, gamma: float) -> float | None:
        """Return the episodes' mean discounted return.

        None if an episode was cut off so early that the rewards after it would count.
        """
        returns = []
        for episode in self._episodes:
            steps = len(episode.rewards)
            if not episode.terminated and gamma**steps > NEGLIGIBLE:
                return None
            returns.append(float(np.dot(episode.rewards, gamma ** np.arange(steps))))
        return float(np.mean(returns))

    def effort(self) -> dict[str, float | None]:
        """Return action magnitude, power (W) and energy for a metre (J/m), by their tags.

        None for what cannot be measured.
        """
        space = self._env.action_space
        assert isinstance(space, gym.spaces.Box)
        largest = np.maximum(np.abs(space.low), np.abs(space.high))
        effort: dict[str, float | None] = {
            series.ACTION_MAGNITUDE.at(): float((np.abs(self._actions) / largest).mean()),
            series.POWER.at(): None,
            series.ENERGY_PER_METRE.at(): None,
        }
        if self._powers:
            effort[series.POWER.at()] = power = float(np.abs(self._powers).sum(axis=1).mean())
            seconds = len(self._powers) * getattr(self._env.unwrapped, "dt", 0.0)
            if len(self._forward) == len(self._powers):
                speed = abs(float(np.mean(self._forward)))
                if speed * seconds / len(self._episodes) > _LEAST_METRES:
                    effort[series.ENERGY_PER_METRE.at()] = power / speed
        return effort
