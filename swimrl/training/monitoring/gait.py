"""What the episodes of an evaluation were like, beyond their returns: where they began, what they cost.

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
"""Of gamma^T: up to this weight, what comes after an episode that was cut off at step T is left out."""

_LEAST_METRES = 1.0  # an episode's mean way below which energy for a metre says nothing


@dataclass
class _Way:
    """One episode as it goes."""

    start: np.ndarray
    rewards: list[float]
    terminated: bool = False


class GaitRecorder:
    """Is given each transition of an evaluation.

    Args:
        env: The environment that is stepped. Power is measured where it simulates with MuJoCo, energy for a
            metre where its infos hold ``x_velocity`` (m/s) too.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        self._env = env
        data = getattr(env.unwrapped, "data", None)
        # Views of the simulator's own arrays.
        self._force, self._velocity = (
            getattr(data, f"actuator_{name}", None) for name in ("force", "velocity")
        )
        self._ways: list[_Way] = []
        self._is_between = True
        self._actions: list[np.ndarray] = []
        self._powers: list[np.ndarray] = []
        self._forward: list[float] = []

    def __call__(self, step: Transition) -> None:
        """Take note of one step."""
        if self._is_between:
            self._ways.append(_Way(np.array(step.observation), []))
        way = self._ways[-1]
        way.rewards.append(step.reward)
        way.terminated = step.terminated
        self._is_between = step.terminated or step.truncated
        self._actions.append(step.action)
        if self._force is not None and self._velocity is not None:
            self._powers.append(self._force * self._velocity)
        if "x_velocity" in step.info:
            self._forward.append(step.info["x_velocity"])

    def starts(self) -> np.ndarray:
        """Return the first observation of each episode, [E, O]."""
        return np.array([way.start for way in self._ways])

    def discounted_return(self, gamma: float) -> float | None:
        """Return the episodes' mean discounted return.

        None where an episode was cut off so early that the rewards after it would count.
        """
        returns = []
        for way in self._ways:
            steps = len(way.rewards)
            if not way.terminated and gamma**steps > NEGLIGIBLE:
                return None
            returns.append(float(np.dot(way.rewards, gamma ** np.arange(steps))))
        return float(np.mean(returns))

    def effort(self) -> dict[str, float | None]:
        """Return action magnitude, power (W) and energy for a metre (J/m), by their tags.

        None where one cannot be measured.
        """
        space = self._env.action_space
        assert isinstance(space, gym.spaces.Box)
        largest = np.maximum(np.abs(space.low), np.abs(space.high))
        found: dict[str, float | None] = {
            series.ACTION_MAGNITUDE.at(): float((np.abs(self._actions) / largest).mean()),
            series.POWER.at(): None,
            series.ENERGY_PER_METRE.at(): None,
        }
        if self._powers:
            found[series.POWER.at()] = power = float(np.abs(self._powers).sum(axis=1).mean())
            seconds = len(self._powers) * getattr(self._env.unwrapped, "dt", 0.0)
            if len(self._forward) == len(self._powers):
                speed = abs(float(np.mean(self._forward)))
                if speed * seconds / len(self._ways) > _LEAST_METRES:
                    found[series.ENERGY_PER_METRE.at()] = power / speed
        return found
