"""Lockstep of any environments: each episode is played in an environment of its own.

Letters in shapes: M episodes that are running, O observation, A action, T steps of an episode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from swimrl.envs.trace import Trace
from swimrl.errors import InputError
from swimrl.rollouts.interface import Outcome, Start, reset, seeds_of


@dataclass(frozen=True)
class TraceState:
    """The state of any environment: the actions that lead to it. Starting from it repeats them."""

    observation: np.ndarray
    trace: dict[str, Any]
    """What `swimrl.envs.trace.Trace.state` returned."""

    @property
    def elapsed(self) -> int:
        """Steps since the reset."""
        actions = self.trace["actions"]
        return 0 if actions is None else len(actions)


class EnvironmentLockstep:
    """Places that are environments.

    With one environment the episodes follow one another in it, as in a plain loop. With more, an episode's
    environment may have been used by another episode before, so a start needs a seed or a state.

    Args:
        envs: The environments, one for each place. They must be made in the same way.
    """

    def __init__(self, envs: Sequence[gym.Env[Any, Any]]) -> None:
        self._envs = list(envs)
        self._traces = [Trace() for _ in envs]
        self._observations: list[np.ndarray] = [np.zeros(0)] * len(envs)

    @property
    def size(self) -> int:
        """The number of places."""
        return len(self._envs)

    def begin(self, place: int, start: Start) -> np.ndarray:
        """Start an episode at a place, and return its first observation [O].

        Raises:
            EnvironmentFaultError: If the environment fails.
            InputError: If the start does not fit, or a state leads to another observation than it had.
        """
        env, trace = self._envs[place], self._traces[place]
        seeds = seeds_of(start)
        if seeds is None:
            observation = self._follow(env, trace, start)
        elif seeds == (None,) and self.size > 1:
            raise InputError(
                f"an episode without seed cannot start in one of {self.size} environments; "
                "give it a seed, or use one environment"
            )
        else:
            trace.begin(env, seeds[0])
            observation, trace.seed = reset(env, seeds)
        self._observations[place] = observation
        return observation

    def step(self, places: np.ndarray, actions: np.ndarray) -> Outcome:
        """Step the episodes at ``places`` [M] with ``actions`` [M, A].

        Raises:
            EnvironmentFaultError: If an environment fails.
            NonFiniteError: If an action is NaN or infinite.
        """
        steps = [self._step(place, action) for place, action in zip(places, actions, strict=True)]
        observations, rewards, terminated, truncated, infos = zip(*steps, strict=True)
        velocities = [info.get("x_velocity") for info in infos]
        return Outcome(
            np.array(observations),
            np.array([float(reward) for reward in rewards]),
            np.array(terminated),
            np.array(truncated),
            None if None in velocities else np.array(velocities),
        )

    def state(self, place: int) -> TraceState:
        """Return the present state of the episode at a place."""
        return TraceState(self._observations[place].copy(), self._traces[place].state())

    def powers(self, places: np.ndarray) -> np.ndarray | None:
        """Return the actuators' power in the last step in W, [M, U]; None without a MuJoCo simulator."""
        datas = [getattr(self._envs[place].unwrapped, "data", None) for place in places]
        if not all(hasattr(data, "actuator_force") and hasattr(data, "actuator_velocity") for data in datas):
            return None
        return np.array([data.actuator_force * data.actuator_velocity for data in datas if data is not None])

    def _step(self, place: int, action: np.ndarray) -> tuple[Any, ...]:
        self._traces[place].add(action)
        step = self._envs[place].step(action)
        self._observations[place] = step[0]
        return step

    def _follow(self, env: gym.Env[Any, Any], trace: Trace, state: Start) -> np.ndarray:
        if not isinstance(state, TraceState):
            raise InputError(
                f"a {type(state).__name__} cannot start an episode here; expected a state that the same kind "
                "of lockstep returned"
            )
        trace.restore(state.trace)
        observation = trace.follow(env)
        if not np.array_equal(observation, state.observation, equal_nan=True):
            raise InputError(
                f"the environment does not return to its state after {state.elapsed} steps: the observation "
                "differs; it may keep a hidden state that its seed and its actions do not determine"
            )
        return observation
