"""Small environments, and what the tests ask of an agent, for the files beside this one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import stable_baselines3
import torch
from gymnasium.spaces import Box
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

import swimrl

ENGINES = ["sb3", "fused"]

AgentFactory = Callable[..., swimrl.TD3]

SHORT = 10
"""Steps of an episode of `pendulum`."""


def pendulum() -> gym.Env[Any, Any]:
    """Pendulum-v1 with short episodes, monitored."""
    return Monitor(gym.make("Pendulum-v1", max_episode_steps=SHORT))


def pendulums(count: int) -> DummyVecEnv:
    """So many of them side by side."""
    return DummyVecEnv([pendulum] * count)


class Reach(gym.Env[np.ndarray, np.ndarray]):
    """A point in the plane, moved by actions of a box that is not symmetric; episodes last 6 steps.

    Attributes:
        received: Every action it was given, [A].
        resets: Every observation it began an episode with, [O].
    """

    observation_space = Box(-10, 10, (2,), np.float32)
    action_space = Box(np.array([0, -1], np.float32), np.array([3, 0.5], np.float32))

    def __init__(self) -> None:
        self.received: list[np.ndarray] = []
        self.resets: list[np.ndarray] = []

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.position = self.np_random.uniform(-1, 1, 2).astype(np.float32)
        self.steps = 0
        self.resets.append(self.position)
        return self.position, {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.received.append(action)
        self.position = np.clip(self.position + 0.1 * action, -10, 10).astype(np.float32)
        self.steps += 1
        return self.position, -float(np.square(self.position).sum()), False, self.steps == 6, {}


def weights(agent: stable_baselines3.TD3) -> dict[str, torch.Tensor]:
    """A copy of all parameters, targets included, by name."""
    return {name: tensor.detach().clone() for name, tensor in agent.policy.state_dict().items()}


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Whether names and numbers are the same."""
    return one.keys() == other.keys() and all(
        torch.equal(tensor, other[name]) for name, tensor in one.items()
    )


def observations(agent: swimrl.TD3, count: int = 16) -> np.ndarray:
    """Random observations, [count, O]."""
    size = agent.observation_space.shape[0]
    return np.random.RandomState(0).uniform(-1, 1, (count, size)).astype(np.float32)


def actions(agent: stable_baselines3.TD3, given: np.ndarray) -> np.ndarray:
    """The actions [B, A] at observations [B, O]."""
    return agent.predict(given, deterministic=True)[0]
