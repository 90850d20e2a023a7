"""The agent: Stable-Baselines3's TD3 with the authors' defaults and named random streams."""

from __future__ import annotations

import logging
import math
import operator
import secrets
import time
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import stable_baselines3
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import is_wrapped
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.noise import ActionNoise, VectorizedActionNoise
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import (
    GymEnv,
    ReplayBufferSamples,
    RolloutReturn,
    Schedule,
    TrainFreq,
    TrainFrequencyUnit,
)
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.td3.policies import CnnPolicy, MultiInputPolicy
from torch import nn

from swimrl.activations import activation_fn
from swimrl.activations.torch.handwritten import Stochastic
from swimrl.envs.guard import environment_name, shown
from swimrl.envs.make import make
from swimrl.envs.seeding import MAX_SEED, Streams, check_seed, stream_seed
from swimrl.envs.vector import LeanVecEnv
from swimrl.errors import ConfigError, NonFiniteError
from swimrl.td3.compiler import compiler_unloaded
from swimrl.td3.config import DEFAULT_ENGINE, DEFAULT_PRECISION, ENGINES, Engine, Precision, TD3Config
from swimrl.td3.engine.acting import FastActor, are_vectors, can_act
from swimrl.td3.engine.requirements import why_not_fused
from swimrl.td3.engine.settings import EngineSettings
from swimrl.td3.engine.update import FusedUpdate
from swimrl.td3.finite import why_bad_action, why_bad_loss
from swimrl.td3.noise import GaussianNoise, gaussian_parameters, with_own_stream
from swimrl.td3.policy import TD3Policy
from swimrl.td3.replay import RowReplayBuffer
from swimrl.td3.threads import product_threads

_STEP = TrainFrequencyUnit.STEP

_DEFAULTS = TD3Config()


# Not saved: created again from the seed, or by the next update.
_OURS = ("streams", "_update", "_fast_actor")


class TD3(stable_baselines3.TD3):
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
            share of a minibatch. Stable-Baselines3's update uses PyTorch's own setting when not given.
        products: Backend of each matrix product, as an earlier run recorded it; measured when not given.
        precision: ``"float32"``, or ``"bf16"``: the fused engine then computes large products in bfloat16
            with float32 master weights and accumulation, which is faster and another arithmetic.
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
        threads: int | None = None,
        products: Mapping[str, str] | None = None,
        precision: Precision = DEFAULT_PRECISION,
        **kwargs: Any,
    ) -> None:
        self.engine = engine
        self.threads = threads
        self.products = products
        self.precision = precision
        self.exploration_noise = exploration_noise
        self._update: FusedUpdate | None = None
        self._fast_actor: FastActor | None = None
        self.update_s = 0.0
        """Seconds spent in updates."""
        if not (policy == "MlpPolicy" or (isinstance(policy, type) and issubclass(policy, TD3Policy))):
            kwargs["policy_kwargs"] = _for_other_policies(policy, kwargs.get("policy_kwargs"))
        if kwargs.get("seed") is not None:
            kwargs["seed"] = _whole_seed(kwargs["seed"])
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
        seed = secrets.randbelow(MAX_SEED) if seed is None else check_seed(_whole_seed(seed))
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

    def _check_settings(self) -> None:
        if self.engine not in ENGINES:
            raise ConfigError(f"engine {self.engine!r} is unknown; expected one of {', '.join(ENGINES)}")
        if self.precision == "bf16" and self.engine != "fused":
            raise ConfigError(f"precision 'bf16' needs engine 'fused', not {self.engine!r}")
        if not 0 <= self.exploration_noise < math.inf:
            raise ConfigError(
                f"exploration_noise is {self.exploration_noise}; expected a number of at least 0"
            )
        for name in ("batch_size", "buffer_size", "policy_delay"):
            value = getattr(self, name)
            if not value >= 1:
                raise ConfigError(f"{name} is {value}; expected a whole number of at least 1")
        for name, space in (("observation", self.observation_space), ("action", self.action_space)):
            if isinstance(space, spaces.Box) and 0 in space.shape:
                raise ConfigError(
                    f"the environment's {name} space has the shape {space.shape}, which holds no numbers; "
                    f"TD3 needs {name}s of at least one number"
                )

    def _setup_model(self) -> None:
        self._check_settings()
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
        if train_freq.frequency < 1:
            raise ConfigError(f"train_freq is {train_freq.frequency}; expected at least 1")
        if env.num_envs > 1 and train_freq.unit is not _STEP:
            raise ConfigError(
                f"train_freq counts episodes, which end at different times in {env.num_envs} environments; "
                "count steps, or take one environment"
            )
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
        if self.num_timesteps < learning_starts:
            return super()._sample_action(learning_starts, None, n_envs)
        seen: Any = self._last_obs
        actor, gaussian = self._current_fast_actor(n_envs), gaussian_parameters(action_noise)
        if actor and gaussian:
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
        if self._fast_actor is None or not self._fast_actor.intact() or "predict" in vars(self):
            policy: nn.Module = self.policy
            self._fast_actor = None
            is_own = type(self).predict is TD3.predict and "predict" not in vars(self)
            if self.engine == "fused" and is_own and can_act(policy):
                self._fast_actor = FastActor(policy, n_envs)
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
        if is_end or not _looks_finite(new_obs, reward):
            self._check_finite(new_obs, reward, infos, buffer_action)
        if is_end or type(replay_buffer) is not RowReplayBuffer or self._vec_normalize_env is not None:
            super()._store_transition(replay_buffer, buffer_action, new_obs, reward, dones, infos)
            return
        # The common case without Stable-Baselines3's copies: the buffer itself copies.
        self._last_original_obs = self._last_obs
        replay_buffer.add(self._last_obs, new_obs, buffer_action, reward, dones, infos)  # type: ignore[arg-type]
        self._last_obs = new_obs

    def _check_finite(
        self,
        new_obs: np.ndarray | dict[str, np.ndarray],
        reward: np.ndarray,
        infos: list[dict[str, Any]],
        actions: np.ndarray,
    ) -> None:
        """Name the first number of a step that is not finite: of the action, else of the environment."""
        if not np.isfinite(actions).all():
            raise NonFiniteError(
                f"the action for step {self.num_timesteps} is {shown(actions)}; "
                f"{why_bad_action(self.policy, self._last_obs)}"
            )
        for number, info in enumerate(infos):
            ending = info.get("terminal_observation")
            for name, values in (
                ("reward", reward[number]),
                ("observation", new_obs),
                ("observation", ending),
            ):
                if isinstance(values, np.ndarray | np.floating):
                    values = values[number] if values is new_obs else values
                    if not np.isfinite(values).all():
                        raise self._not_finite(name, values, number, actions[number])

    def _not_finite(
        self, name: str, values: np.ndarray | np.floating[Any], number: int, scaled: np.ndarray
    ) -> NonFiniteError:
        assert self.env is not None
        bad = np.ravel(values)[~np.isfinite(np.ravel(values))][0]
        action = self.policy.unscale_action(scaled)
        return NonFiniteError(
            f"the {name} of {_name_of_environment(self.env, number)} is {bad} at step {self.num_timesteps}, "
            f"on action {shown(action)}; check the environment and its arguments"
        )

    def train(self, gradient_steps: int, batch_size: int = _DEFAULTS.batch_size) -> None:
        """Update critics, actor and targets ``gradient_steps`` times, with minibatches of ``batch_size``.

        Raises:
            NonFiniteError: If the critics' loss is not finite; the message names the first such tensor.
        """
        started = time.perf_counter()
        update = self.prepare_engine(batch_size)
        if update is not None:
            with product_threads(1):
                self._train_fused(update, gradient_steps)
        else:
            threads = nullcontext() if self.threads is None else product_threads(self.threads)
            with threads, self.streams.borrow(numpy="minibatches", torch="target noise"):
                super().train(gradient_steps=gradient_steps, batch_size=batch_size)
        self.update_s += time.perf_counter() - started
        loss = self.logger.name_to_value["train/critic_loss"]
        if not math.isfinite(loss):
            assert self.replay_buffer is not None
            raise NonFiniteError(
                f"the critics' loss is {loss} after {self._n_updates} updates; "
                f"{why_bad_loss(self.replay_buffer, self.policy)}"
            )

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
        settings = EngineSettings(
            batch_size=batch_size or self.batch_size,
            gamma=self.gamma,
            tau=self.tau,
            policy_delay=self.policy_delay,
            target_policy_noise=self.target_policy_noise,
            target_noise_clip=self.target_noise_clip,
            threads=self.threads or 1,
            precision=self.precision,
            products=self.products or {},
        )
        policy: nn.Module = self.policy
        update = self._update
        is_current = update is not None and update.serves(policy, self.replay_buffer, self.streams, settings)
        reason = self._why_other_networks()
        if reason is None and is_current:
            return update
        reason = reason or why_not_fused(policy, self.replay_buffer)
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
        return self._update

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
        names = ("actor", "critic", "actor_target", "critic_target")
        other = (name for name in names if getattr(self, name) is not getattr(self.policy, name))
        return next((f"the agent's {name} is not its policy's" for name in other), None)

    def engine_facts(self) -> dict[str, Any]:
        """Return the engine's name and threads and, once it has run, its product backends."""
        threads = self.threads or (1 if self.engine == "fused" else torch.get_num_threads())
        facts: dict[str, Any] = {"name": self.engine, "threads": threads}
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


def _whole_seed(seed: Any) -> int:
    """Return a seed, of Python or NumPy, as Python's int."""
    try:
        return operator.index(seed)
    except TypeError as error:
        raise ConfigError(f"seed is {seed!r}; expected a whole number from 0 to {MAX_SEED}") from error


def _for_other_policies(policy: str | type, policy_kwargs: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the arguments of Stable-Baselines3's own policies, with an activation's name as a callable.

    Raises:
        ConfigError: If the activation is neither a name nor a callable that returns a new module.
    """
    choice = (policy_kwargs or {}).get("activation_fn")
    if policy_kwargs is None or choice is None:
        return policy_kwargs
    if isinstance(choice, nn.Module) or not (isinstance(choice, str) or callable(choice)):
        name = policy if isinstance(policy, str) else policy.__name__
        raise ConfigError(
            f"policy_kwargs has activation_fn={choice!r}; {name} takes one activation for all layers: "
            "a name such as 'swim', or a class such as torch.nn.ReLU"
        )
    return {**policy_kwargs, "activation_fn": activation_fn(choice) if isinstance(choice, str) else choice}


def _name_of_environment(env: VecEnv, number: int) -> str:
    envs = getattr(env.unwrapped, "envs", None)
    if envs is not None:
        return environment_name(envs[number])
    spec = env.get_attr("spec", number)[0]
    return f"environment {number}" if spec is None else str(spec.id)


def _looks_finite(new_obs: np.ndarray | dict[str, np.ndarray], reward: np.ndarray) -> bool:
    """Return whether a quick check finds only finite numbers; after False a thorough check is needed."""
    if not isinstance(new_obs, np.ndarray):
        return False
    # A sum of squares is finite only if all its terms are, and it takes half the time of a test of each.
    # Unlike dot, vdot does not warn where the sum overflows.
    return math.isfinite(np.vdot(new_obs, new_obs)) and math.isfinite(np.vdot(reward, reward))
