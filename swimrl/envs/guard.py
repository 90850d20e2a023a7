"""A wrapper that names an environment's own faults, and gives it only actions from its box.

An environment is a user's code. What it raises, or returns in another form than its spaces say, would
otherwise end a run far from its cause, or be broadcast and trained on. A check costs about 4 us a step.

Letters in shapes: O observation, A action.
"""

from __future__ import annotations

import math
import numbers
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box

from swimrl.errors import EnvironmentFaultError, NonFiniteError

_HINTS = {
    "not enough values to unpack (expected 5, got 4)": "step must return observation, reward, terminated, "
    "truncated and info, as Gymnasium has it since 0.26",
    "not enough values to unpack (expected 2": "reset must return observation and info",
    "unexpected keyword argument 'seed'": "reset must accept the keywords seed and options",
}


class Guard(gym.Wrapper[Any, Any, Any, Any]):
    """Checks each step of an environment.

    Actions outside the action space's box, which rounding can make by one ulp, are clipped to it. Rewards
    become Python's floats and flags Python's booleans. Spaces that are no box are not looked at.

    Args:
        env: Any environment.

    Raises:
        EnvironmentFaultError: From `reset` and `step`, if the environment raises anything but
            KeyboardInterrupt, or returns what does not fit. The message names the environment, the step and
            the action.
        NonFiniteError: From `step`, if the action is NaN or infinite, which is not the environment's fault.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self._name = environment_name(env)
        self._episode = 0
        self._step = 0
        observation, action = env.observation_space, env.action_space
        self._shape = observation.shape if isinstance(observation, Box) else None
        self._dtype = observation.dtype
        self._box = action if isinstance(action, Box) and np.issubdtype(action.dtype, np.floating) else None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset the environment."""
        self._episode += 1
        self._step = 0
        where = "in reset()" if seed is None else f"in reset(seed={seed})"
        try:
            reset: Any = self.env.reset  # may return anything, whatever its type says
            observation, info = reset(seed=seed, options=options)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise self._raised(error, where) from error
        if not isinstance(info, dict):
            raise self._fault(f"returned the info {shown(info)} {where}; expected a dictionary")
        return self._checked_observation(observation, where), info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step the environment."""
        self._step += 1
        if self._box is not None:
            if not math.isfinite(np.vdot(action, action)) and not np.isfinite(action).all():
                raise NonFiniteError(
                    f"the action for step {self._step} of episode {self._episode} of {self._name} is "
                    f"{shown(action)}; the policy's numbers are no longer finite"
                )
            action = np.minimum(np.maximum(action, self._box.low), self._box.high)
        try:
            step: Any = self.env.step  # may return anything, whatever its type says
            observation, reward, terminated, truncated, info = step(action)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise self._raised(error, self._where(action)) from error
        observation = self._checked_observation(observation, None, action)
        if type(reward) is not float:
            reward = self._checked_reward(reward, action)
        if not math.isfinite(reward):
            raise self._fault(f"returned the reward {reward} {self._where(action)}")
        if type(terminated) is not bool:
            terminated = self._checked_flag("terminated", terminated, action)
        if type(truncated) is not bool:
            truncated = self._checked_flag("truncated", truncated, action)
        if not isinstance(info, dict):
            raise self._fault(f"returned the info {shown(info)} {self._where(action)}; expected a dictionary")
        return observation, reward, terminated, truncated, info

    def _where(self, action: Any) -> str:
        return f"in step {self._step} of episode {self._episode}, on action {shown(action)}"

    def _checked_observation(self, observation: Any, where: str | None, action: Any = None) -> Any:
        if self._shape is None:
            return observation
        if not isinstance(observation, np.ndarray):
            try:
                observation = np.asarray(observation, self._dtype)
            except (TypeError, ValueError):
                raise self._fault(
                    f"returned the observation {shown(observation)} {where or self._where(action)}; "
                    f"expected an array of shape {self._shape}"
                ) from None
        if observation.shape != self._shape:
            raise self._fault(
                f"returned an observation of shape {observation.shape} {where or self._where(action)}; its "
                f"observation space has shape {self._shape}"
            )
        # A sum of squares is finite only if all that it adds up is; it takes half the time of np.isfinite.
        if observation.dtype.kind == "f" and not math.isfinite(np.vdot(observation, observation)):
            bad = observation[~np.isfinite(observation)]
            if len(bad):
                raise self._fault(f"returned {bad[0]} in its observation {where or self._where(action)}")
        return observation

    def _checked_reward(self, reward: Any, action: Any) -> float:
        is_number = isinstance(reward, numbers.Real | np.number) and not isinstance(reward, bool)
        if is_number or (isinstance(reward, np.ndarray) and not reward.shape and reward.dtype.kind in "fiu"):
            return float(reward)
        raise self._fault(
            f"returned the reward {shown(reward)} {self._where(action)}; expected a single number"
        )

    def _checked_flag(self, name: str, flag: Any, action: Any) -> bool:
        if isinstance(flag, np.bool_ | int) or (
            isinstance(flag, np.ndarray) and not flag.shape and flag.dtype.kind == "b"
        ):
            return bool(flag)
        raise self._fault(f"returned {shown(flag)} as {name} {self._where(action)}; expected True or False")

    def _raised(self, error: BaseException, where: str) -> EnvironmentFaultError:
        said = str(error).strip().splitlines()
        text = f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
        hint = next((f"; {hint}" for part, hint in _HINTS.items() if part in text), "")
        return self._fault(f"raised {text} {where}{hint}")

    def _fault(self, text: str) -> EnvironmentFaultError:
        advice = "" if ";" in text else "; check the environment and its arguments"
        return EnvironmentFaultError(f"the environment {self._name} {text}{advice}")


def environment_name(env: gym.Env[Any, Any]) -> str:
    """Return the id of an environment; the name of its class if it is not registered."""
    return env.spec.id if env.spec is not None else type(env.unwrapped).__name__


def shown(value: Any) -> str:
    """Return a value as short text in one line."""
    if isinstance(value, np.ndarray) and value.shape and value.dtype.kind == "f":
        numbers_shown = [f"{number:.9g}" for number in value.ravel()[:8].tolist()]
        return f"[{', '.join(numbers_shown)}{', ...' if value.size > 8 else ''}]"
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
