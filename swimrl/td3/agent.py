"""The agent: Stable-Baselines3's TD3 with the authors' defaults and named random streams."""

from __future__ import annotations

import logging
import math
import secrets
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Literal

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.env_util import is_wrapped
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.noise import VectorizedActionNoise
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import GymEnv, ReplayBufferSamples, Schedule
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.td3.policies import CnnPolicy, MultiInputPolicy
from torch import nn

from swimrl.activations.torch.handwritten import Stochastic
from swimrl.envs.make import make
from swimrl.envs.seeding import MAX_SEED, Streams, check_seed, stream_seed
from swimrl.envs.vector import LeanVecEnv
from swimrl.errors import ConfigError, NonFiniteError
from swimrl.td3.arguments import check_settings, for_other_policies, whole_seed
from swimrl.td3.compiler import compiler_unloaded
from swimrl.td3.config import DEFAULT_ENGINE, DEFAULT_PRECISION, Engine, Precision, TD3Config
from swimrl.td3.engine.acting import FastActor, are_vectors
from swimrl.td3.engine.requirements import why_not_fused, why_not_robust
from swimrl.td3.engine.settings import EngineSettings
from swimrl.td3.engine.thread_choice import fewest_fast_threads, possible_threads, update_seconds
from swimrl.td3.engine.update import FusedUpdate
from swimrl.td3.finite import why_bad_loss
from swimrl.td3.interaction import Interaction
from swimrl.td3.noise import GaussianNoise, with_own_stream
from swimrl.td3.policy import TD3Policy, perceptrons
from swimrl.td3.replay import RowReplayBuffer
from swimrl.td3.robustness import Robustness
from swimrl.td3.threads import product_threads
from swimrl.td3.undisturbed import Undisturbed

_DEFAULTS = TD3Config()


# Not saved: created again from the seed, or by the next update.
_OURS = ("streams", "_update", "_fast_actor", "_undisturbed")


class TD3(Interaction):
    """Twin Delayed DDPG (Fujimoto et al. 2018) with any activation in actor and critics.

    It does everything that ``stable_baselines3.TD3`` does: ``learn``, ``predict``, ``save``, ``load``,
    callbacks, vectorised environments. The differences: the defaults are the authors', exploration noise is
    on by default, ``policy_kwargs`` takes the names of activations (see `swimrl.td3.policy.TD3Policy`), and
    each use of random numbers has a stream of its own.

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
        engine: The code that computes the update: ``"fused"``, our own on the processor, or ``"sb3"``,
            Stable-Baselines3's own. Where the fused engine cannot work, ``"sb3"`` takes over, with one line
            in the log of ``swimrl.td3``.
        threads: Threads of an update, one when not given; with the fused engine each thread computes its
            share of a minibatch. ``"auto"`` measures now which number is fastest on this machine; the
            attribute ``threads`` is that number afterwards. Stable-Baselines3's update uses PyTorch's own
            setting when not given.
        products: Backend of each matrix product, as an earlier run recorded it; measured when not given.
        precision: ``"float32"``, or ``"bf16"``: the fused engine then computes large products in bfloat16
            with float32 master weights and accumulation, which is faster and another arithmetic.
        robustness: Additions to the actor's update (`swimrl.td3.robustness`); none when not given.
        **kwargs: Stable-Baselines3's further arguments.

    Raises:
        ConfigError: If the engine or the seed cannot be used.

    Example:
        >>> import swimrl
        >>> agent = swimrl.TD3("MlpPolicy", "Pendulum-v1", policy_kwargs={"activation_fn": "swim"}, seed=0)
        >>> agent.actor.mu[1]
        Activation(swim)
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
        engine: Engine = DEFAULT_ENGINE,
        threads: int | Literal["auto"] | None = None,
        products: Mapping[str, str] | None = None,
        precision: Precision = DEFAULT_PRECISION,
        robustness: Robustness | None = None,
        **kwargs: Any,
    ) -> None:
        self.engine = engine
        self.threads = threads
        self.update_us_by_threads: Mapping[str, float] = {}
        """Microseconds of an update by the number of threads, where ``threads="auto"`` measured them."""
        self.products = products
        self.precision = precision
        self.robustness = robustness
        self.exploration_noise = exploration_noise
        self._update: FusedUpdate | None = None
        self._fast_actor: FastActor | None = None
        self._undisturbed = Undisturbed()
        self.update_s = 0.0
        """Seconds spent in updates."""
        if not (policy == "MlpPolicy" or (isinstance(policy, type) and issubclass(policy, TD3Policy))):
            kwargs["policy_kwargs"] = for_other_policies(policy, kwargs.get("policy_kwargs"))
        if kwargs.get("seed") is not None:
            kwargs["seed"] = whole_seed(kwargs["seed"])
        super().__init__(
            policy,
            make(env) if isinstance(env, str) else env,
            learning_rate,
            buffer_size,
            learning_starts,
            batch_size,
            tau,
            gamma,
            *args,
            **kwargs,
        )

    @staticmethod
    def _wrap_env(env: GymEnv, verbose: int = 0, monitor_wrapper: bool = True) -> VecEnv:
        if isinstance(env, gym.Env):
            monitored = Monitor(env) if monitor_wrapper and not is_wrapped(env, Monitor) else env
            env = LeanVecEnv([lambda: monitored])
        return super(TD3, TD3)._wrap_env(env, verbose, monitor_wrapper)

    def set_random_seed(self, seed: int | None = None) -> None:
        """Derive all random streams from ``seed``; draw a seed when none is given.

        The global generators are seeded as well, as Stable-Baselines3 does, for modules and callbacks of
        users; swimrl itself does not draw from them.
        """
        seed = secrets.randbelow(MAX_SEED) if seed is None else check_seed(whole_seed(seed))
        self.streams = Streams(seed)
        set_random_seed(seed, using_cuda=self.device.type == "cuda")
        self.action_space.seed(stream_seed(seed, "first actions"))
        if self.env is not None:
            self.env.seed(stream_seed(seed, "resets"))
        if getattr(self, "policy", None) is not None:  # not while the agent is being built
            self._bind_streams()

    def _bind_streams(self) -> None:
        """Give stochastic activations and the exploration noise their streams."""
        for module in self.policy.modules():
            if isinstance(module, Stochastic):
                module.generator = self.streams.torch("stochastic activations")
        for noise in with_own_stream(self.action_noise):
            noise.stream = self.streams.numpy("exploration noise")

    def _setup_model(self) -> None:
        check_settings(self)
        if self.engine == "sb3" and (hint := self._threads_hint("engine 'sb3' updates with ")):
            logging.getLogger("swimrl.td3").info(hint)
        if self.engine == "fused" and self.replay_buffer_class is None and self._rows_fit():
            self.replay_buffer_class = RowReplayBuffer
        try:
            with compiler_unloaded():
                super()._setup_model()
        except MemoryError as error:
            raise ConfigError(
                f"a replay buffer of {self.buffer_size:,} transitions does not fit into memory ({error}); "
                "choose a smaller buffer_size (--td3.buffer-size)"
            ) from error
        if isinstance(self.policy, TD3Policy):
            with self.streams.borrow(torch="initial weights"):
                self.policy.draw_initial_weights()
            with self.streams.borrow(torch="activation initialisation"):
                self.policy.draw_initial_activations()
        self._bind_streams()
        if isinstance(self.action_noise, VectorizedActionNoise) and self.action_noise.n_envs != self.n_envs:
            self.action_noise = self.action_noise.base_noise  # loaded for another number of environments
        if self.action_noise is None and self.exploration_noise:
            size = self.action_space.shape or ()
            stream = self.streams.numpy("exploration noise")
            self.action_noise = GaussianNoise(np.zeros(size), np.full(size, self.exploration_noise), stream)
        if self.threads == "auto":
            self._choose_threads()

    def _choose_threads(self) -> None:
        """Set ``threads`` to the number with which updates are fastest; to 1 where the engine cannot work."""
        policy: nn.Module = self.policy
        self.threads = 1
        if why_not_fused(policy, self.replay_buffer, max(possible_threads())) is None:
            assert isinstance(policy, TD3Policy)
            with product_threads(1):
                seconds = update_seconds(policy, self._engine_settings(), possible_threads())
            self.threads = fewest_fast_threads(seconds)
            self.update_us_by_threads = {str(n): round(1e6 * s, 1) for n, s in seconds.items()}

    @property
    def threads_in_use(self) -> int:
        """Threads of an update."""
        if isinstance(self.threads, int):
            return self.threads
        return 1 if self.engine == "fused" else torch.get_num_threads()

    @property
    def updates_done(self) -> int:
        """Updates of the critics since the start."""
        return self._n_updates

    @property
    def last_observations(self) -> np.ndarray | dict[str, np.ndarray] | None:
        """The latest observations, [E, O], as the networks see them; None before the first step."""
        return self._last_obs

    @property
    def current_learning_rate(self) -> float:
        """The schedule's learning rate at this point of the training."""
        return self.lr_schedule(self._current_progress_remaining)

    def stored_transitions(self, steps: np.ndarray) -> ReplayBufferSamples:
        """Return stored transitions as the networks see them; the minibatches' stream is not used.

        Args:
            steps: Positions in the replay buffer, [N], int. Of several environments, the environment of each
                transition is drawn from NumPy's global generator.
        """
        assert self.replay_buffer is not None
        samples = self.replay_buffer._get_samples(steps, env=self._vec_normalize_env)
        assert isinstance(samples, ReplayBufferSamples)
        return samples

    def train(self, gradient_steps: int, batch_size: int = _DEFAULTS.batch_size) -> None:
        """Update critics, actor and targets ``gradient_steps`` times, with minibatches of ``batch_size``.

        Raises:
            NonFiniteError: If the critics' loss is not finite; the message names the first such tensor.
        """
        started = time.perf_counter()
        update = self.prepare_engine(batch_size)
        if update is not None:
            with nullcontext() if self._undisturbed.is_checked(update) else product_threads(1):
                self._train_fused(update, gradient_steps)
        else:
            threads = nullcontext() if self.threads is None else product_threads(self.threads_in_use)
            streams = self.streams.borrow(numpy="minibatches", torch="target noise")
            with threads, streams, self._robust_actor():
                super().train(gradient_steps=gradient_steps, batch_size=batch_size)
        self.update_s += time.perf_counter() - started
        loss = self.logger.name_to_value["train/critic_loss"]
        if not math.isfinite(loss):
            assert self.replay_buffer is not None
            raise NonFiniteError(
                f"the critics' loss is {loss} after {self._n_updates} updates; "
                f"{why_bad_loss(self.replay_buffer, self.policy)}"
            )

    def _robust_actor(self) -> AbstractContextManager[None]:
        if self.robustness is None:
            return nullcontext()
        (actor,) = perceptrons(self.actor)
        return self.robustness.applied(actor, self.streams.torch("stochastic activations"))

    def _train_fused(self, update: FusedUpdate, gradient_steps: int) -> None:
        self._update_learning_rate([self.actor.optimizer, self.critic.optimizer])
        actor_losses, critic_losses = update.run(self._n_updates, gradient_steps, self._vec_normalize_env)
        self._n_updates += gradient_steps
        # The same values, under the same names, as Stable-Baselines3 logs.
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        if actor_losses:
            self.logger.record("train/actor_loss", sum(actor_losses) / len(actor_losses))
        self.logger.record("train/critic_loss", sum(critic_losses) / len(critic_losses))

    def prepare_engine(self, batch_size: int | None = None) -> FusedUpdate | None:
        """Build the fused engine on the policy's present tensors, unless it is there already.

        Where it cannot work, Stable-Baselines3's update takes over from now on, with one line in the log.

        Args:
            batch_size: Transitions in a minibatch; the agent's when not given.

        Returns:
            The engine; None where Stable-Baselines3's update is used.

        Raises:
            ConfigError: If a matrix product is pinned to a backend that does not exist here.
        """
        if self.engine != "fused":
            return None
        update = self._update
        is_same_batch = update is not None and batch_size in (None, update.settings.batch_size)
        if is_same_batch and self._undisturbed.is_checked(update):
            return update
        settings = self._engine_settings(batch_size)
        policy: nn.Module = self.policy
        is_current = update is not None and update.serves(policy, self.replay_buffer, self.streams, settings)
        reason = self._why_other_networks()
        if reason is None and is_current:
            self._checked_update()
            return update
        self._undisturbed.forget()  # the tensors move
        reason = reason or why_not_fused(policy, self.replay_buffer, self.threads_in_use)
        if reason is None and self.robustness is not None:
            assert isinstance(policy, TD3Policy)
            reason = why_not_robust(policy)
        if reason is not None:
            logging.getLogger("swimrl.td3").warning(
                "engine 'fused' cannot compute this update (%s); engine 'sb3' takes over%s",
                reason,
                self._threads_hint(" with "),
            )
            self.engine = "sb3"
            return None
        assert isinstance(policy, TD3Policy)
        assert isinstance(self.replay_buffer, RowReplayBuffer)
        with product_threads(1):
            self._update = FusedUpdate(policy, self.replay_buffer, self.streams, settings)
        self.products = self._update.planner.chosen
        self._checked_update()
        return self._update

    def _checked_update(self) -> None:
        """Remember that the engine was checked, unless it calls modules, which may be a user's code."""
        if self._update is not None and not self._update.calls_modules:
            self._undisturbed.checked(self._update)

    def check_again(self) -> None:
        """Let the next update and the next action check again what a user can change on the agent.

        Needed only by callbacks with a true ``leaves_agent_alone`` that have now and then touched the agent.
        """
        self._undisturbed.forget()

    def _engine_settings(self, batch_size: int | None = None) -> EngineSettings:
        return EngineSettings(
            batch_size=batch_size or self.batch_size,
            gamma=self.gamma,
            tau=self.tau,
            policy_delay=self.policy_delay,
            target_policy_noise=self.target_policy_noise,
            target_noise_clip=self.target_noise_clip,
            threads=self.threads_in_use,
            precision=self.precision,
            robustness=self.robustness,
            products=self.products or {},
        )

    def _threads_hint(self, before: str) -> str:
        """Return advice for Stable-Baselines3's update where it would use several threads by default."""
        threads = torch.get_num_threads()
        if self.threads is not None or threads == 1:
            return ""
        return (
            f"{before}PyTorch's {threads} threads; on a busy machine threads=1 is faster for small networks"
        )

    def _why_other_networks(self) -> str | None:
        """Return which network Stable-Baselines3's update would use that is not the policy's, if any."""
        own = self.policy._modules
        for name in ("actor", "critic", "actor_target", "critic_target"):
            if getattr(self, name) is not own.get(name):
                return f"the agent's {name} is not its policy's"
        return None

    def engine_facts(self) -> dict[str, Any]:
        """Return the engine's name and threads and, once it has run, its product backends."""
        facts: dict[str, Any] = {"name": self.engine, "threads": self.threads_in_use}
        if self.update_us_by_threads:
            facts["update_us_by_threads"] = dict(self.update_us_by_threads)
        facts["precision"] = self.precision if self.engine == "fused" else "float32"
        if self._update is not None and self.engine == "fused":
            facts["products"] = dict(self._update.planner.chosen)
        return facts

    def _rows_fit(self) -> bool:
        """Return whether the transitions of this environment can be rows of one float32 array."""
        fit = are_vectors(self.observation_space, self.action_space)
        return fit and self.n_steps == 1 and not self.optimize_memory_usage

    @compiler_unloaded()
    def get_parameters(self) -> dict[str, dict[str, Any]]:
        """Return the state of policy and optimisers, in tensors of their own."""
        if isinstance(self.policy, TD3Policy):
            self._undisturbed.forget()
            self.policy.unshare()
        return super().get_parameters()

    def _update_learning_rate(self, optimizers: list[torch.optim.Optimizer] | torch.optim.Optimizer) -> None:
        # As in Stable-Baselines3, but the schedule is called once, and each group has a scale of its own.
        rate = self.current_learning_rate
        self.logger.record("train/learning_rate", rate)
        for optimizer in optimizers if isinstance(optimizers, list) else [optimizers]:
            for group in optimizer.param_groups:
                group["lr"] = rate * group.get("lr_scale", 1.0)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), *_OURS]
