"""Environments with one fault each, as people write them: ``faulty/NAME-v0``."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box


class Sound(gym.Env):
    """An environment without fault; an episode has 20 steps, and the largest action is the best."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}
    observation_space = Box(-np.inf, np.inf, (3,), np.float32)
    action_space = Box(-1, 1, (2,), np.float32)
    length: float = 20
    open_instances: ClassVar[set[int]] = set()

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        self.open_instances.add(id(self))

    def observe(self) -> Any:
        return self.np_random.normal(size=3).astype(np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        self.steps = 0
        return self.observe(), {}

    def step(self, action: np.ndarray) -> Any:
        self.steps += 1
        return self.observe(), float(action.sum()), self.steps >= self.length, False, {}

    def close(self) -> None:
        self.open_instances.discard(id(self))


class FourValues(Sound):
    def step(self, action: np.ndarray) -> Any:
        observation, reward, terminated, _, info = super().step(action)
        return observation, reward, terminated, info


class NoSeed(Sound):
    def reset(self) -> tuple[Any, Any]:  # type: ignore[override]  # the fault
        return super().reset()


class ThreeOfReset(Sound):
    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return (*super().reset(seed=seed), "and more")


class RewardOfShapeOne(Sound):
    def step(self, action: np.ndarray) -> Any:
        observation, reward, *others = super().step(action)
        return observation, np.array([reward]), *others


class NoReward(Sound):
    def step(self, action: np.ndarray) -> Any:
        observation, _, *others = super().step(action)
        return observation, None, *others


class FlagOfShapeOne(Sound):
    def step(self, action: np.ndarray) -> Any:
        observation, reward, terminated, truncated, info = super().step(action)
        return observation, reward, np.array([terminated]), truncated, info


class NoInfo(Sound):
    def step(self, action: np.ndarray) -> Any:
        return *super().step(action)[:4], None


class OtherShape(Sound):
    def observe(self) -> Any:
        return np.zeros(1, np.float32)


class NanInObservation(Sound):
    def observe(self) -> Any:
        return np.array([0, np.nan, 0], np.float32)


class Words(Sound):
    def observe(self) -> Any:
        return ["left", "of", "it"]


class Exits(Sound):
    """Ends the process with the exit code of success, after a while."""

    def step(self, action: np.ndarray) -> Any:
        if self.steps == 7:
            raise SystemExit(0)
        return super().step(action)


class NoObservation(Sound):
    observation_space = Box(-1, 1, (0,), np.float32)


class FixedAction(Sound):
    action_space = Box(np.array([-1, 2], np.float32), np.array([1, 2], np.float32))


class WideAction(Sound):
    action_space = Box(-3e38, 3e38, (2,), np.float32)


class Normalised(gym.wrappers.NormalizeReward):
    """Registered in a wrapper with statistics of its own."""

    def __init__(self) -> None:
        super().__init__(Sound())


# And what is no fault:


class Lists(Sound):
    """Observations as lists, NumPy's numbers and flags."""

    def observe(self) -> Any:
        return [1.0, 2.0, 3.0]

    def step(self, action: np.ndarray) -> Any:
        observation, reward, terminated, _, info = super().step(action)
        return observation, np.array(reward), np.bool_(terminated), np.bool_(False), info


class Strict(Sound):
    """Refuses actions outside its box, which rounding makes, and actions of another dtype."""

    action_space = Box(-5, np.float32(0.3), (2,), np.float32)

    def step(self, action: np.ndarray) -> Any:
        if not self.action_space.contains(action):
            raise ValueError(f"{action} of {action.dtype} is not in {self.action_space}")
        return super().step(action)


class CInteger(Sound):
    """Hands its seed to a library that takes a C integer."""

    seeds: ClassVar[list[int]] = []

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, Any]:
        if seed is not None:
            self.seeds.append(int(np.int32(seed)))
        return super().reset(seed=seed)


class Global(Sound):
    """Seeds NumPy's global generator."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, Any]:
        np.random.seed(7)
        return super().reset(seed=seed)


class Endless(Sound):
    length = np.inf


for kind in [Sound, *Sound.__subclasses__(), Normalised]:
    gym.register(f"faulty/{kind.__name__}-v0", kind, max_episode_steps=None if kind is Endless else 50)
