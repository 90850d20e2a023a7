"""Environments side by side in one process, without Stable-Baselines3's copies."""

from __future__ import annotations

from stable_baselines3.common.vec_env import DummyVecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn
from stable_baselines3.common.vec_env.util import dict_to_obs


class LeanVecEnv(DummyVecEnv):
    """Stable-Baselines3's ``DummyVecEnv`` that hands out the environments' own infos instead of deep copies.

    An environment that changes an info dictionary after it has returned it would be seen to do so;
    Gymnasium's do not.
    """

    def _obs_from_buf(self) -> VecEnvObs:
        return dict_to_obs(self.observation_space, {key: x.copy() for key, x in self.buf_obs.items()})

    def step_wait(self) -> VecEnvStepReturn:
        """Step every environment; reset those whose episode is over."""
        for number, env in enumerate(self.envs):
            observation, reward, terminated, truncated, info = env.step(self.actions[number])
            done = terminated or truncated
            info["TimeLimit.truncated"] = truncated and not terminated
            if done:
                info["terminal_observation"] = observation
                observation, self.reset_infos[number] = env.reset()
            self._save_obs(number, observation)
            self.buf_rews[number], self.buf_dones[number] = reward, done
            self.buf_infos[number] = info
        return self._obs_from_buf(), self.buf_rews.copy(), self.buf_dones.copy(), list(self.buf_infos)
