"""The loop that acts in the environment and stores transitions.

Letters in shapes: E environments, O observation, A action.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, ClassVar, Self

import numpy as np
import stable_baselines3
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.noise import ActionNoise
from stable_baselines3.common.type_aliases import (
    MaybeCallback,
    RolloutReturn,
    TrainFreq,
    TrainFrequencyUnit,
)
from stable_baselines3.common.vec_env import VecEnv
from torch import nn

from swimrl.envs.seeding import Streams
from swimrl.errors import NonFiniteError
from swimrl.td3.arguments import check_train_freq
from swimrl.td3.config import Engine
from swimrl.td3.engine.acting import FastActor, can_act
from swimrl.td3.finite import looks_finite, why_bad_action, why_bad_transition
from swimrl.td3.noise import gaussian_parameters
from swimrl.td3.policy import TD3Policy
from swimrl.td3.replay import RowReplayBuffer
from swimrl.td3.threads import product_threads
from swimrl.td3.undisturbed import Undisturbed, can_change_agent

_STEP = TrainFrequencyUnit.STEP


class Interaction(stable_baselines3.TD3):
    """The part of the agent that acts and stores transitions; `swimrl.TD3` adds the updates.

    Attributes:
        engine: ``"fused"`` also computes the actor's actions without PyTorch.
        streams: The random streams; actions use that of the exploration noise.
        acts_from_start: Whether the policy acts before learning starts, as where its weights are from another
            run.
    """

    engine: Engine
    streams: Streams
    acts_from_start: bool = False
    _fast_actor: FastActor | None
    _undisturbed: Undisturbed

    STEP_METHODS: ClassVar[Mapping[str, str]] = {"_sample_action": "action", "_store_transition": "buffer"}
    """The methods that `collect_rollouts` calls in each step, and what they do; for profilers."""

    def predict(
        self,
        observation: np.ndarray | dict[str, np.ndarray],
        state: tuple[np.ndarray, ...] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...] | None]:
        """Return actions at ``observation``, as Stable-Baselines3's method does, computed by one thread."""
        with product_threads(1) if isinstance(self.policy, TD3Policy) else nullcontext():
            return super().predict(observation, state, episode_start, deterministic)

    def learn(
        self,
        total_timesteps: int,
        callback: MaybeCallback = None,
        log_interval: int = 4,
        tb_log_name: str = "run",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> Self:
        """Learn for ``total_timesteps``, as Stable-Baselines3's method does, and return the agent."""
        is_disturbed = callable(self.learning_rate) or can_change_agent(callback, self.env)
        with self._undisturbed.learning(is_undisturbed=not is_disturbed):
            return super().learn(
                total_timesteps, callback, log_interval, tb_log_name, reset_num_timesteps, progress_bar
            )

    def collect_rollouts(
        self,
        env: VecEnv,
        callback: BaseCallback,
        train_freq: TrainFreq,
        replay_buffer: ReplayBuffer,
        action_noise: ActionNoise | None = None,
        learning_starts: int = 0,
        log_interval: int | None = None,
    ) -> RolloutReturn:
        """Act and store transitions as Stable-Baselines3's method does, at half the cost.

        It calls the same methods in the same order, and callbacks see the same local variables. It leaves out
        only what TD3 does not use.

        Raises:
            ConfigError: If ``train_freq`` is not positive, or counts episodes of several environments.
        """
        check_train_freq(train_freq, env.num_envs)
        self.policy.set_training_mode(False)
        num_collected_steps, num_collected_episodes = 0, 0
        callback.on_rollout_start()
        continue_training = True
        while (
            num_collected_steps if train_freq.unit is _STEP else num_collected_episodes
        ) < train_freq.frequency:
            actions, buffer_actions = self._sample_action(learning_starts, action_noise, env.num_envs)
            try:
                new_obs, rewards, dones, infos = env.step(actions)
            except NonFiniteError as error:  # swimrl's environments refuse an action that is not finite
                raise NonFiniteError(f"{error}; {why_bad_action(self.policy, self._last_obs)}") from error
            self.num_timesteps += env.num_envs
            num_collected_steps += 1
            callback.update_locals(locals())
            if not callback.on_step():
                steps = num_collected_steps * env.num_envs
                return RolloutReturn(steps, num_collected_episodes, continue_training=False)
            self._update_info_buffer(infos, dones)
            self._store_transition(replay_buffer, buffer_actions, new_obs, rewards, dones, infos)  # type: ignore[arg-type]
            self._update_current_progress_remaining(self.num_timesteps, self._total_timesteps)
            self._on_step()
            for idx, done in enumerate(dones.tolist()):  # NumPy's scalars take twice as long
                if done:
                    num_collected_episodes += 1
                    self._episode_num += 1
                    if action_noise is not None:
                        kwargs = {"indices": [idx]} if env.num_envs > 1 else {}
                        action_noise.reset(**kwargs)
                    if log_interval is not None and self._episode_num % log_interval == 0:
                        self.dump_logs()
        callback.on_rollout_end()
        return RolloutReturn(num_collected_steps * env.num_envs, num_collected_episodes, continue_training)

    def _sample_action(
        self, learning_starts: int, action_noise: ActionNoise | None = None, n_envs: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        # The authors' first random actions carry no noise (main.py); Stable-Baselines3 adds it to them too.
        if self.num_timesteps < learning_starts and not self.acts_from_start:
            return super()._sample_action(learning_starts, None, n_envs)
        seen: Any = self._last_obs
        actor, gaussian = self._current_fast_actor(n_envs), gaussian_parameters(action_noise)
        if actor and gaussian:
            with nullcontext() if self._undisturbed.is_checked(actor) else product_threads(1):
                return actor.explore(seen, *gaussian, self._draws(gaussian))
        scaled = actor(seen) if actor else self.policy.scale_action(self.predict(seen)[0])
        if gaussian:
            mean, deviation = gaussian
            noise = (mean + deviation * self._draws(gaussian)).astype(np.float32)
            scaled = np.clip(scaled + noise, -1, 1)
        elif action_noise is not None:
            with self.streams.borrow(numpy="exploration noise"):
                scaled = np.clip(scaled + action_noise(), -1, 1)
        return self.policy.unscale_action(scaled), scaled

    def _draws(self, gaussian: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """Return standard normal numbers of the noise's shape, as ``numpy.random.normal`` would draw them."""
        draws: np.ndarray = self.streams.numpy("exploration noise").standard_normal(gaussian[0].shape)
        return draws

    def _current_fast_actor(self, n_envs: int) -> FastActor | None:
        """Return the actor without PyTorch on the present weights; None where it cannot be used."""
        actor = self._fast_actor
        if actor is not None and self._undisturbed.is_checked(actor):
            return actor
        if actor is None or not actor.intact() or "predict" in vars(self):
            policy: nn.Module = self.policy
            self._fast_actor = None
            is_own = type(self).predict is Interaction.predict and "predict" not in vars(self)
            if self.engine == "fused" and is_own and can_act(policy):
                self._fast_actor = FastActor(policy, n_envs)
        if self._fast_actor is not None and self.engine == "fused":
            self._undisturbed.checked(self._fast_actor)
        return self._fast_actor

    def _store_transition(
        self,
        replay_buffer: ReplayBuffer,
        buffer_action: np.ndarray,
        new_obs: np.ndarray | dict[str, np.ndarray],
        reward: np.ndarray,
        dones: np.ndarray,
        infos: list[dict[str, Any]],
    ) -> None:
        is_end = any(dones.tolist())  # for one environment 10 times as fast as dones.any()
        if is_end or not looks_finite(new_obs, reward):
            assert self.env is not None
            step, seen = self.num_timesteps, self._last_obs
            if reason := why_bad_transition(
                self.policy, self.env, step, seen, buffer_action, new_obs, reward, infos
            ):
                raise NonFiniteError(reason)
        if is_end or type(replay_buffer) is not RowReplayBuffer or self._vec_normalize_env is not None:
            super()._store_transition(replay_buffer, buffer_action, new_obs, reward, dones, infos)
            return
        # The common case without Stable-Baselines3's copies: the buffer itself copies.
        self._last_original_obs = self._last_obs
        replay_buffer.add(self._last_obs, new_obs, buffer_action, reward, dones, infos)  # type: ignore[arg-type]
        self._last_obs = new_obs
