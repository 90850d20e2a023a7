"""The trace of an environment: the beginning of its episode, and the actions since then.

Following a trace brings another environment of the same kind to exactly the same place, through its
wrappers: time limit, monitor, and whatever a simulator derives from its state and keeps. MuJoCo's own
``mj_getState`` does less: on Ant, Humanoid and Reacher the continuation then diverges, because derived fields
lag a substep behind. A trace costs the steps of one episode, 40 ms on HalfCheetah.

The random numbers that an environment draws from its ``np_random`` are part of the trace. Other hidden state,
such as a counter that outlives the episode or the time of day, is not. `Trace.follow` returns the last
observation, so that the caller can compare it with the one expected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np


class Trace:
    """The actions that brought an environment to its present state.

    Attributes:
        seed: Seed of the reset that began the episode, if it was given one.
        generator: State of the environment's generator before that reset, if the reset had no seed.
        actions: The actions since the reset, each [A].
    """

    def __init__(self) -> None:
        self.seed: int | None = None
        self.generator: Mapping[str, Any] | None = None
        self.actions: list[np.ndarray] = []

    def begin(self, env: gym.Env[Any, Any], seed: int | None) -> None:
        """Start the trace anew: ``env`` is reset with ``seed`` next."""
        self.seed = seed
        self.generator = None if seed is not None else _generator_state(env)
        self.actions = []

    def add(self, action: np.ndarray) -> None:
        """Add an action [A]. It is copied, because an environment may change its argument."""
        self.actions.append(action.copy())

    def follow(self, env: gym.Env[Any, Any]) -> np.ndarray:
        """Repeat the trace in ``env``, and return the last observation."""
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
        """Replace this trace by the one whose `state` is given."""
        self.seed, self.generator = state["seed"], state["generator"]
        self.actions = [] if state["actions"] is None else list(state["actions"])


def _generator_state(env: gym.Env[Any, Any]) -> Mapping[str, Any] | None:
    generator = env.unwrapped.np_random
    # A foreign environment may put another kind of generator here; then its resets are not repeated.
    return generator.bit_generator.state if isinstance(generator, np.random.Generator) else None
