"""Check an environment by real steps before a run spends time on it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box
from gymnasium.wrappers import NormalizeObservation, NormalizeReward, TimeLimit

from swimrl.envs.make import Env, make
from swimrl.envs.seeding import final_seeds, global_state, restore_global_state
from swimrl.errors import EnvironmentFaultError, EnvironmentIdError

_NORMALISING: dict[type[gym.Wrapper[Any, Any, Any, Any]], str] = {
    NormalizeObservation: "its statistics in evaluation would not be those of training; register the "
    "environment without it, and use --normalize-obs",
    NormalizeReward: "returns would not be those of the environment; register the environment without it",
}


def check_environment(env_id: str, env_kwargs: Mapping[str, Any] | None = None) -> None:
    """Reset and step an instance of its own, which is closed afterwards.

    It is reset with the smallest and the largest kinds of seeds that a run uses, and stepped with the lowest,
    the middle and the highest action. Random numbers of the process are as before.

    Args:
        env_id: A Gymnasium id.
        env_kwargs: Arguments for the environment itself.

    Raises:
        EnvironmentIdError: If the environment cannot be made or used; the message names what is wrong with
            it.
    """
    before = global_state()
    try:
        env = make(env_id, env_kwargs)
        try:
            _check_wrappers(env, env_id)
            _check_steps(env)
        finally:
            close(env)
    except EnvironmentFaultError as fault:
        raise EnvironmentIdError(f"{fault} (in the trial before training)") from fault
    finally:
        restore_global_state(before)
    if not has_time_limit(env):
        logging.getLogger("swimrl.envs").warning(
            "%s has no time limit, so an episode may never end; give it one with "
            "--env-kwargs max_episode_steps=1000",
            env_id,
        )


def close(env: Any) -> None:
    """Close an environment; if it raises, the log says so."""
    try:
        env.close()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        logging.getLogger("swimrl.envs").warning(
            "an environment raised %s while it was closed: %s", type(error).__name__, error
        )


def has_time_limit(env: Env) -> bool:
    """Return whether Gymnasium ends the environment's episodes after a number of steps."""
    wrapped: Any = env
    while isinstance(wrapped, gym.Wrapper):
        if isinstance(wrapped, TimeLimit):
            return True
        wrapped = wrapped.env
    return getattr(wrapped.spec, "max_episode_steps", None) is not None


def _check_wrappers(env: Env, env_id: str) -> None:
    wrapped: Any = env
    while isinstance(wrapped, gym.Wrapper):
        for kind, reason in _NORMALISING.items():
            if isinstance(wrapped, kind):
                raise EnvironmentIdError(f"{env_id} has the wrapper {type(wrapped).__name__}: {reason}")
        wrapped = wrapped.env


def _check_steps(env: Env) -> None:
    space = env.action_space
    assert isinstance(space, Box)  # make has checked it
    with suppress(EnvironmentFaultError):  # a run then uses the second seed
        env.reset(seed=final_seeds(0)[0])
    env.reset(seed=final_seeds(0)[1])
    env.reset(seed=0)
    middle = (space.low / 2 + space.high / 2).astype(space.dtype)
    for action in (middle, space.low, space.high):
        # A copy: an environment may change the action that it receives.
        _, _, terminated, truncated, _ = env.step(np.array(action, space.dtype))
        if terminated or truncated:
            env.reset()
