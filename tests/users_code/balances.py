"""Two small environments that end by a fall: one that a controller can master, and a chaotic one."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box


class Balance(gym.Env):
    """An unstable point that falls when it is farther than 3 from 0; actions can hold it."""

    def __init__(self) -> None:
        self.observation_space = Box(-np.inf, np.inf, (1,), np.float64)
        self.action_space = Box(-1, 1, (1,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.position = float(self.np_random.uniform(-1.5, 1.5))
        return np.array([self.position]), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.position = 1.2 * self.position + 0.5 * float(action[0])
        return np.array([self.position]), 1.0, abs(self.position) > 3, False, {}


class Chaos(Balance):
    """The logistic map, which falls near 0; actions are a tiny push, so nothing can be controlled."""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.position = float(self.np_random.uniform(0.1, 0.9))
        return np.array([self.position]), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        pushed = 3.99 * self.position * (1 - self.position) + 1e-4 * float(action[0])
        self.position = float(np.clip(pushed, 0, 1))
        return np.array([self.position]), 1.0, self.position < 0.02, False, {}


gym.register("balances/Balance-v0", Balance, max_episode_steps=30)
gym.register("balances/Chaos-v0", Chaos, max_episode_steps=30)
