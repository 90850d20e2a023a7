"""Builds environments and agent from the settings of a run."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import torch
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from swimrl.activations.language.names import split_layers
from swimrl.activations.torch.factory import output_width
from swimrl.envs.make import Env, make
from swimrl.envs.vector import LeanVecEnv
from swimrl.errors import ConfigError
from swimrl.td3.agent import TD3
from swimrl.td3.config import TD3Config
from swimrl.td3.network import hidden_pairs
from swimrl.td3.policy import perceptrons
from swimrl.td3.robustness import Robustness
from swimrl.training.config import TrainConfig


def build_environment(config: TrainConfig, *, render_mode: str | None = None) -> Env:
    """Return one environment of the run, without the wrappers that training adds."""
    return make(config.env, config.environment_arguments(), render_mode=render_mode)


def build_agent(
    config: TrainConfig,
    *,
    device: str,
    products: Mapping[str, str] | None = None,
    threads: int | None = None,
) -> TD3:
    """Return a new agent with its training environments.

    Args:
        config: A resolved configuration.
        device: ``"cpu"`` or ``"cuda"``.
        products: Backend of matrix products by shape; shapes that are not given are measured.
        threads: Number of threads that was chosen before; the configuration's when not given.
    """
    env: VecEnv = LeanVecEnv(
        [lambda: Monitor(build_environment(config))] * config.n_envs, traced=config.checkpoint_every > 0
    )
    if config.normalize_obs:
        env = VecNormalize(env, norm_obs=True, norm_reward=False, gamma=config.td3.gamma)
    agent = TD3(
        "MlpPolicy",
        env,
        **config.td3.agent_arguments(config.n_envs),
        policy_kwargs=policy_kwargs(config),
        engine=config.engine,
        threads=threads or config.threads,
        products=products,
        precision=config.precision,
        robustness=robustness(config.td3),
        seed=config.seed,
        device=device,
    )
    agent.acts_from_start = config.start_from is not None
    for name in _changing_the_width(config, agent):
        logging.getLogger("swimrl.training").warning(
            "%s changes the width of its layer, so this run does not share its initial weights with runs of "
            "other activations at the same seed",
            name,
        )
    return agent


def robustness(td3: TD3Config) -> Robustness | None:
    """Return the additions to the actor's update; None if there are none."""
    if not td3.range_penalty and not td3.activation_noise:
        return None
    return Robustness(td3.range_penalty, td3.range_bound, td3.activation_noise, td3.noise_side)


def _changing_the_width(config: TrainConfig, agent: TD3) -> list[str]:
    """Return the networks' activations that have more or fewer outputs than inputs."""
    networks = ((config.actor_activation, agent.actor), (config.critic_activation, agent.critic))
    changing = []
    for name, network in networks:
        perceptron = perceptrons(network)[0]
        hidden = hidden_pairs(perceptron)
        if any(output_width(act, linear.out_features) != linear.out_features for linear, act in hidden):
            changing.append(name)
    return list(dict.fromkeys(changing))


def policy_kwargs(config: TrainConfig) -> dict[str, Any]:
    """Return the arguments of `TD3Policy` that rebuild the policy of a run, without its weights."""
    actor, critic = config.actor_architecture, config.architecture
    return {
        "net_arch": critic.net if actor == critic else {"pi": actor.net, "qf": critic.net},
        "activation_fn": {
            "pi": _each_layer(config.actor_activation, len(actor.widths)),
            "qf": _each_layer(config.critic_activation, len(critic.widths)),
        },
        **config.td3.policy_arguments(),
    }


def _each_layer(text: str, layers: int) -> list[str]:
    names = split_layers(text)
    return names * layers if len(names) == 1 else names


def choose_device(wanted: str) -> str:
    """Return ``"cpu"`` or ``"cuda"``.

    Raises:
        ConfigError: If CUDA is wanted and PyTorch finds none.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            "--device cuda: PyTorch finds no CUDA device; use --device cpu, or see `swimrl doctor`"
        )
    # Networks of a few hundred units are faster on the processor, so auto never takes the GPU.
    return "cuda" if wanted == "cuda" else "cpu"


def import_modules(config: TrainConfig) -> None:
    """Import the modules that register environments or activations.

    Raises:
        ConfigError: If one cannot be imported.
    """
    for module in config.imports:
        import_module(module, "--import")


def import_module(name: str, flag: str) -> ModuleType:
    """Return the module ``name`` that the user gave with ``flag``.

    Raises:
        ConfigError: If it cannot be imported.
    """
    try:
        return importlib.import_module(name)
    except (ImportError, ValueError, TypeError) as error:
        raise ConfigError(
            f"{flag} {name!r} cannot be imported: {error}; is it installed, or its folder on PYTHONPATH?"
        ) from error
