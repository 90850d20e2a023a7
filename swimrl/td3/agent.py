"""The agent: Stable-Baselines3's TD3 with the authors' defaults and named random streams."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Iterable
from typing import Any, ClassVar, Literal

import numpy as np
import stable_baselines3
import torch
from stable_baselines3.common.base_class import BasePolicy
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.noise import ActionNoise, NormalActionNoise
from stable_baselines3.common.type_aliases import GymEnv, Schedule
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.td3.policies import CnnPolicy, MultiInputPolicy

from swimrl.envs.seeding import MAX_SEED, Streams, check_seed, stream_seed
from swimrl.errors import ConfigError, NonFiniteError
from swimrl.td3.config import TD3Config
from swimrl.td3.policy import TD3Policy

Engine = Literal["sb3", "fused"]
ENGINES: tuple[Engine, ...] = ("sb3", "fused")

_DEFAULTS = TD3Config()


class TD3(stable_baselines3.TD3):
    """Twin Delayed DDPG (Fujimoto et al. 2018) with any activation in actor and critics.

    Everything that ``stable_baselines3.TD3`` does, this does: ``learn``, ``predict``, ``save``, ``load``,
    callbacks, vectorised environments. What differs: the defaults are the authors', exploration noise is on
    by default, ``policy_kwargs`` takes the names of activations (see `swimrl.td3.policy.TD3Policy`), and
    every use of chance draws from a stream of its own.

    Args:
        policy: ``"MlpPolicy"``, another of Stable-Baselines3's names, or a policy class.
        env: An environment, a vectorised environment or an id.
        learning_rate: Learning rate, or a function of the remaining progress (1 to 0).
        buffer_size: Transitions that the replay buffer holds.
        learning_starts: Environment steps with uniformly random actions before learning starts.
        batch_size: Transitions in a minibatch.
        tau: Polyak coefficient of the target networks.
        gamma: Discount factor.
        *args: Stable-Baselines3's further positional arguments.
        exploration_noise: Standard deviation of the Gaussian exploration noise, in units of the largest
            action; used when no ``action_noise`` is given. 0 turns it off.
        engine: What computes the update: ``"sb3"``, Stable-Baselines3's own code.
        **kwargs: Stable-Baselines3's further arguments.

    Raises:
        ConfigError: If the engine or the seed cannot be used.

    Example:
        >>> import swimrl
        >>> agent = swimrl.TD3("MlpPolicy", "Pendulum-v1", policy_kwargs={"activation_fn": "swim"}, seed=0)
        >>> agent.actor.mu[1]
        Swim(k=0.5)
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        "MlpPolicy": TD3Policy,
        "CnnPolicy": CnnPolicy,
        "MultiInputPolicy": MultiInputPolicy,
    }

    def __init__(
        self,
        policy: str | type[TD3Policy],
        env: GymEnv | str,
        learning_rate: float | Schedule = _DEFAULTS.lr,
        buffer_size: int = _DEFAULTS.buffer_size,
        learning_starts: int = _DEFAULTS.learning_starts,
        batch_size: int = _DEFAULTS.batch_size,
        tau: float = _DEFAULTS.tau,
        gamma: float = _DEFAULTS.gamma,
        *args: Any,
        exploration_noise: float = _DEFAULTS.exploration_noise,
        engine: Engine = "sb3",
        **kwargs: Any,
    ) -> None:
        if engine == "fused":
            raise ConfigError("engine 'fused' is not available; use engine 'sb3'")
        if engine not in ENGINES:
            raise ConfigError(f"engine {engine!r} is unknown; expected one of {', '.join(ENGINES)}")
        self.engine = engine
        self.exploration_noise = exploration_noise
        self.update_s = 0.0
        """Seconds spent in updates."""
        super().__init__(
            policy,
            env,
            learning_rate,
            buffer_size,
            learning_starts,
            batch_size,
            tau,
            gamma,
            *args,
            **kwargs,
        )

    def set_random_seed(self, seed: int | None = None) -> None:
        """Derive all random streams from ``seed``; draw a seed when none is given.

        The global generators are seeded as well, as Stable-Baselines3 does, for the sake of other people's
        modules and callbacks; nothing of swimrl draws from them.
        """
        seed = secrets.randbelow(MAX_SEED) if seed is None else check_seed(seed)
        self.streams = Streams(seed)
        set_random_seed(seed, using_cuda=self.device.type == "cuda")
        self.action_space.seed(stream_seed(seed, "first actions"))
        if self.env is not None:
            self.env.seed(stream_seed(seed, "resets"))

    def _setup_model(self) -> None:
        super()._setup_model()
        if isinstance(self.policy, TD3Policy):
            with self.streams.borrow(torch="initial weights"):
                self.policy.draw_initial_weights()
        if self.action_noise is None and self.exploration_noise:
            size = self.action_space.shape
            self.action_noise = NormalActionNoise(np.zeros(size), np.full(size, self.exploration_noise))

    def _sample_action(
        self, learning_starts: int, action_noise: ActionNoise | None = None, n_envs: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        # The authors' first random actions carry no noise (main.py); Stable-Baselines3 adds it to them too.
        if self.num_timesteps < learning_starts:
            action_noise = None
        with self.streams.borrow(numpy="exploration noise"):
            return super()._sample_action(learning_starts, action_noise, n_envs)

    def _store_transition(
        self,
        replay_buffer: ReplayBuffer,
        buffer_action: np.ndarray,
        new_obs: np.ndarray | dict[str, np.ndarray],
        reward: np.ndarray,
        dones: np.ndarray,
        infos: list[dict[str, Any]],
    ) -> None:
        if not np.isfinite(reward).all():
            raise NonFiniteError(
                f"the environment's reward is {reward.min()} at step {self.num_timesteps}; "
                "check the environment, its arguments and the action it received"
            )
        super()._store_transition(replay_buffer, buffer_action, new_obs, reward, dones, infos)

    def train(self, gradient_steps: int, batch_size: int = _DEFAULTS.batch_size) -> None:
        """Update critics, actor and targets ``gradient_steps`` times, with minibatches of ``batch_size``.

        Raises:
            NonFiniteError: If the critics' loss is no longer finite; the message names the first tensor
                that is not.
        """
        started = time.perf_counter()
        with self.streams.borrow(numpy="minibatches", torch="target noise"):
            super().train(gradient_steps=gradient_steps, batch_size=batch_size)
        self.update_s += time.perf_counter() - started
        loss = self.logger.name_to_value["train/critic_loss"]
        if not math.isfinite(loss):
            raise NonFiniteError(
                f"the critics' loss is {loss} after {self._n_updates} updates; the first tensor that is not "
                f"finite is {self._first_bad_tensor()}; a smaller learning rate or --td3.layer-norm may help"
            )

    def _first_bad_tensor(self) -> str:
        """Return the name of the first tensor that holds NaN or infinity, in the order of the data's flow."""
        assert self.replay_buffer is not None
        stored = self.replay_buffer.size()
        candidates: Iterable[tuple[str, Any]] = [
            ("replay buffer: observations", self.replay_buffer.observations[:stored]),
            ("replay buffer: actions", self.replay_buffer.actions[:stored]),
            ("replay buffer: rewards", self.replay_buffer.rewards[:stored]),
            *self.policy.state_dict().items(),
        ]
        for name, values in candidates:
            if not torch.isfinite(torch.as_tensor(values)).all():
                return name
        return "the loss itself (all stored data and weights are finite)"

    def _update_learning_rate(self, optimizers: list[torch.optim.Optimizer] | torch.optim.Optimizer) -> None:
        super()._update_learning_rate(optimizers)
        for optimizer in optimizers if isinstance(optimizers, list) else [optimizers]:
            for group in optimizer.param_groups:
                group["lr"] *= group.get("lr_scale", 1.0)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "streams"]
