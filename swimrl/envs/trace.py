"""The trace of an environment: how its episode began and the actions since.

Following a trace brings another environment of the same kind to exactly the same place, through its
wrappers: time limit, monitor, and whatever a simulator derives from its state and keeps. MuJoCo's own
``mj_getState`` does less: on Ant, Humanoid and Reacher the continuation then diverges, because derived fields
lag a substep behind. A trace costs the steps of one episode, 40 ms on HalfCheetah.

What an environment draws from its ``np_random`` is part of the trace. What it hides elsewhere, such as a
counter that outlives the episode or the time of day, is not; `Trace.follow` returns the last observation, so
that the caller sees whether the environment came to the same place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np


class Trace:
    """How an environment came to where it is.

    Attributes:
        seed: Seed of the reset that began the episode, if it was given one.
        generator: State of the environment's generator before that reset, if it was given no seed.
        actions: What the environment was given since, each [A].
    """

    def __init__(self) -> None:
        self.seed: int | None = None
        self.generator: Mapping[str, Any] | None = None
        self.actions: list[np.ndarray] = []

    def begin(self, env: gym.Env[Any, Any], seed: int | None) -> None:
        """Note that ``env`` is about to be reset with ``seed``."""
        self.seed = seed
        self.generator = None if seed is not None else _generator_state(env)
        self.actions = []

    def add(self, action: np.ndarray) -> None:
        """Note an action [A]; it is copied, because an environment may change what it is given."""
        self.actions.append(action.copy())

    def follow(self, env: gym.Env[Any, Any]) -> np.ndarray:
        """Bring ``env`` to where the trace leads, and return the observation there."""
        if self.generator is not None:
            env.unwrapped.np_random.bit_generator.state = self.generator
        observation, _ = env.reset(seed=self.seed)
        for action in self.actions:
            observation, *_ = env.step(action.copy())
        return np.asarray(observation)

    def state(self) -> dict[str, Any]:
        """Return the trace as plain data and one array [T, A]."""
        actions = np.stack(self.actions) if self.actions else None
        return {"seed": self.seed, "generator": self.generator, "actions": actions}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become the trace whose `state` this is."""
        self.seed, self.generator = state["seed"], state["generator"]
        self.actions = [] if state["actions"] is None else list(state["actions"])


def _generator_state(env: gym.Env[Any, Any]) -> Mapping[str, Any] | None:
    generator = env.unwrapped.np_random
    # A foreign environment may put another kind of generator here; then its resets are not repeated.
    return generator.bit_generator.state if isinstance(generator, np.random.Generator) else None
