"""A small environment with faults to order, and what else a user's own module may hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import torch
from gymnasium.spaces import Box
from stable_baselines3.common.callbacks import BaseCallback
from torch import nn


class Line(gym.Env):
    """A point on a line that should stay at 0; an episode has 20 steps.

    Args:
        push: How far the largest action moves the point.
        nan_reward_from: Step of this instance from which rewards are NaN.
        nan_observation_from: Step of this instance from which observations are NaN.
        fails_at: Step of this instance that raises.
        reward_scale: Factor of the rewards.
        render_mode: How to draw it.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 20}

    def __init__(
        self,
        push: float = 0.5,
        nan_reward_from: float = np.inf,
        nan_observation_from: float = np.inf,
        fails_at: float = np.inf,
        reward_scale: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = render_mode
        self.observation_space = Box(-10, 10, (2,), np.float64)
        self.action_space = Box(-1, 1, (1,), np.float32)
        self.push = push
        self.nan_reward_from = nan_reward_from
        self.nan_observation_from = nan_observation_from
        self.fails_at = fails_at
        self.reward_scale = reward_scale
        self.steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.position = self.np_random.uniform(-1, 1, 2)
        return self.position.copy(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        if self.steps == self.fails_at:
            raise ValueError("the point fell off the line\nand never came back")
        self.position = np.clip(self.position + self.push * float(action[0]), -10, 10)
        observation = self.position.copy()
        if self.steps >= self.nan_observation_from:
            observation[1] = np.nan
        reward = float("nan") if self.steps >= self.nan_reward_from else -float(abs(self.position[0]))
        return observation, self.reward_scale * reward, False, False, {}

    def render(self) -> np.ndarray:
        picture = np.zeros((32, 64, 3), np.uint8)
        picture[:, int(31.5 + 3 * self.position[0])] = 255
        return picture


gym.register("worlds/Line-v0", Line, max_episode_steps=20)


class Doubled(nn.Module):
    """An activation of one's own."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(2 * x)


class Recorder(BaseCallback):
    """Leaves a line for each step in the run's directory."""

    def _on_step(self) -> bool:
        with (Path(self.logger.get_dir() or ".") / "recorded.txt").open("a") as file:
            file.write(f"{self.num_timesteps}\n")
        return True


class OtherEnvironment(BaseCallback):
    """Replaces the environment of the agent in step 31."""

    def _on_step(self) -> bool:
        if self.num_timesteps == 31:
            self.model.set_env(gym.make("worlds/Line-v0"))
        return True


class FullDisk(BaseCallback):
    """Fills the disk as far as evaluations.csv is concerned: what replaces it goes to /dev/full."""

    def _on_training_start(self) -> None:
        self.directory = Path(self.logger.get_dir() or ".")

    def _on_step(self) -> bool:
        if self.num_timesteps == 10:
            (self.directory / "evaluations.csv.new").symlink_to("/dev/full")
        return True


class InPlace(nn.Module):
    """A ReLU that overwrites its input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.relu_()
