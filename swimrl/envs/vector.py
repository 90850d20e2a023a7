"""Environments side by side in one process, without Stable-Baselines3's copies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import DummyVecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from swimrl.envs.trace import Trace


class LeanVecEnv(DummyVecEnv):
    """Stable-Baselines3's ``DummyVecEnv`` that hands out the environments' own infos instead of deep copies.

    If an environment changes an info dictionary after returning it, the caller sees the change. Gymnasium's
    environments do not do that.

    Args:
        env_fns: Makes each environment.
        traced: Whether to keep a `Trace` of each environment, which `state` and `restore` need; observations
            are then arrays.
    """

    def __init__(self, env_fns: list[Callable[[], gym.Env[Any, Any]]], *, traced: bool = False) -> None:
        super().__init__(env_fns)
        self._traces = [Trace() for _ in self.envs] if traced else []
        self._vectors: np.ndarray | None = self.buf_obs.get(None)  # type: ignore[call-overload]

    def reset(self) -> VecEnvObs:
        """Reset every environment, with the seeds of the last call of `seed`."""
        for env, trace, seed in zip(self.envs, self._traces, self._seeds, strict=False):
            trace.begin(env, seed)
        return super().reset()

    def state(self) -> dict[str, Any]:
        """Return the data from which `restore` recreates this state, also in mid-episode."""
        return {
            "traces": [trace.state() for trace in self._traces],
            "observations": self.observations(),
        }

    def restore(self, state: Mapping[str, Any]) -> bool:
        """Bring every environment to the state that `state` returned.

        Returns:
            Whether every environment gives the same observation again; one with hidden state may not.
        """
        for number, (env, trace) in enumerate(zip(self.envs, self._traces, strict=True)):
            trace.restore(state["traces"][number])
            self._save_obs(number, trace.follow(env))
        self._reset_seeds()
        return np.array_equal(self.observations(), state["observations"], equal_nan=True)

    def observations(self) -> np.ndarray:
        """Return the last observation of each environment, [E, ...]."""
        observations: np.ndarray = self.buf_obs[None].copy()  # type: ignore[index]
        return observations

    def step_wait(self) -> VecEnvStepReturn:
        """Step every environment; reset those whose episode is over."""
        infos: list[dict[str, Any]] = []
        for number, env in enumerate(self.envs):
            action = self.actions[number]
            if self._traces:
                self._traces[number].add(action)
            observation, reward, terminated, truncated, info = env.step(action)
            done = terminated or truncated
            info["TimeLimit.truncated"] = truncated and not terminated
            if done:
                info["terminal_observation"] = observation
                if self._traces:
                    self._traces[number].begin(env, None)
                observation, self.reset_infos[number] = env.reset()
            if self._vectors is None:
                self._save_obs(number, observation)
            else:
                self._vectors[number] = observation
            self.buf_rews[number], self.buf_dones[number] = reward, done
            infos.append(info)
        observations = self._obs_from_buf() if self._vectors is None else self._vectors.copy()
        return observations, self.buf_rews.copy(), self.buf_dones.copy(), infos
