"""A replay buffer whose transitions are rows of one float32 array, so that one loop gathers a minibatch.

Letters in shapes: C capacity in vectorised steps, E environments, O observation, A action, B batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from stable_baselines3.common.buffers import ReplayBuffer


class RowReplayBuffer(ReplayBuffer):
    """Stable-Baselines3's replay buffer on one float32 array of rows.

    A row holds observation, action, next observation, a gap of an action's width, reward, done and timeout.
    In a minibatch the target policy's next action is written into the gap. So the critics' inputs
    (observation, action) and (next observation, next action) each lie side by side, and nothing has to be
    concatenated.

    The arrays that Stable-Baselines3 uses (``observations``, ``actions`` ...) are views into the rows.
    Observations are kept in float32: half the memory of Stable-Baselines3's float64 for MuJoCo. Minibatches
    are float32 there too, so the numbers are the same; with ``VecNormalize``, which normalises after
    sampling, they differ by float32's rounding of the raw observation.

    Args:
        *args: As Stable-Baselines3's.
        **kwargs: As Stable-Baselines3's.

    Attributes:
        rows: [C * E, width], float32; row i * E + e is step i of environment e.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        (observation_size,) = self.obs_shape
        capacity, n_envs, action_size = self.buffer_size, self.n_envs, self.action_dim
        self.columns = Columns(observation_size, action_size)
        rows = np.zeros((capacity, n_envs, self.columns.width), np.float32)
        self.rows = rows.reshape(capacity * n_envs, self.columns.width)
        self._by_step = rows
        self._bind_views()

    def _bind_views(self) -> None:
        rows, columns = self._by_step, self.columns
        self.observations = rows[:, :, columns.observation]
        self.actions = rows[:, :, columns.action]
        self.next_observations = rows[:, :, columns.next_observation]
        self.rewards = rows[:, :, columns.reward]
        self.dones = rows[:, :, columns.done]
        self.timeouts = rows[:, :, columns.timeout]

    def add(
        self,
        obs: np.ndarray,
        next_obs: np.ndarray,
        action: np.ndarray,
        reward: np.ndarray,
        done: np.ndarray,
        infos: list[dict[str, Any]],
    ) -> None:
        """Store one step of every environment; arrays are [E, ...]."""
        pos = self.pos
        self.observations[pos] = obs
        self.actions[pos] = action
        self.next_observations[pos] = next_obs
        self.rewards[pos] = reward
        self.dones[pos] = done
        if self.handle_timeout_termination:
            for number, info in enumerate(infos):
                # bool: a saved buffer's flags are arrays with one element
                self.timeouts[pos, number] = bool(info.get("TimeLimit.truncated", False))
        self.pos += 1
        if self.pos == self.buffer_size:
            self.full = True
            self.pos = 0

    def __getstate__(self) -> dict[str, Any]:
        # Pickling would store each view as an array of its own.
        views = ("observations", "actions", "next_observations", "rewards", "dones", "timeouts", "rows")
        return {name: value for name, value in self.__dict__.items() if name not in views}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.rows = self._by_step.reshape(-1, self.columns.width)
        self._bind_views()


class Columns:
    """The positions of a row's parts.

    Args:
        observation_size: O.
        action_size: A.
    """

    def __init__(self, observation_size: int, action_size: int) -> None:
        edges = np.cumsum([0, observation_size, action_size, observation_size, action_size]).tolist()
        self.observation = slice(edges[0], edges[1])
        self.action = slice(edges[1], edges[2])
        self.observation_action = slice(edges[0], edges[2])
        self.next_observation = slice(edges[2], edges[3])
        self.next_action = slice(edges[3], edges[4])
        self.next_observation_action = slice(edges[2], edges[4])
        self.reward, self.done, self.timeout = edges[4], edges[4] + 1, edges[4] + 2
        self.width = edges[4] + 3
