"""Checks of the agent's arguments: the value that was given, what is expected, and what to do."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

from gymnasium import spaces
from stable_baselines3.common.type_aliases import TrainFreq, TrainFrequencyUnit
from torch import nn

from swimrl.activations import activation_fn
from swimrl.envs.seeding import MAX_SEED
from swimrl.errors import ConfigError
from swimrl.td3.config import ENGINES
from swimrl.td3.policy import TD3Policy

if TYPE_CHECKING:
    from swimrl.td3.agent import TD3


def whole_seed(seed: Any) -> int:
    """Return a seed, of Python or NumPy, as Python's int.

    Raises:
        ConfigError: If it is no whole number.
    """
    try:
        return operator.index(seed)
    except TypeError as error:
        raise ConfigError(f"seed is {seed!r}; expected a whole number from 0 to {MAX_SEED}") from error


def for_other_policies(policy: str | type, policy_kwargs: dict[str, Any] | None) -> dict[str, Any] | None:
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


def check_settings(agent: TD3) -> None:
    """Check the settings and spaces of an agent before its networks are built.

    Raises:
        ConfigError: If one of them cannot be used.
    """
    if agent.engine not in ENGINES:
        raise ConfigError(f"engine {agent.engine!r} is unknown; expected one of {', '.join(ENGINES)}")
    if agent.precision == "bf16" and agent.engine != "fused":
        raise ConfigError(f"precision 'bf16' needs engine 'fused', not {agent.engine!r}")
    if agent.robustness is not None and not issubclass(agent.policy_class, TD3Policy):
        raise ConfigError(f"robustness needs the policy MlpPolicy, not {agent.policy_class.__name__}")
    _check_threads(agent.threads, agent.engine)
    if not 0 <= agent.exploration_noise < math.inf:
        raise ConfigError(f"exploration_noise is {agent.exploration_noise}; expected a number of at least 0")
    for name in ("batch_size", "buffer_size", "policy_delay"):
        value = getattr(agent, name)
        if not value >= 1:
            raise ConfigError(f"{name} is {value}; expected a whole number of at least 1")
    for name, space in (("observation", agent.observation_space), ("action", agent.action_space)):
        if isinstance(space, spaces.Box) and 0 in space.shape:
            raise ConfigError(
                f"the environment's {name} space has the shape {space.shape}, which holds no numbers; "
                f"TD3 needs {name}s of at least one number"
            )


def _check_threads(threads: Any, engine: str) -> None:
    if threads == "auto" and engine != "fused":
        raise ConfigError(f"threads 'auto' needs engine 'fused', not {engine!r}; give a number")
    is_count = isinstance(threads, int) and threads >= 1
    if not (threads is None or threads == "auto" or is_count):
        raise ConfigError(f"threads is {threads!r}; expected a whole number of at least 1, or 'auto'")


def check_train_freq(train_freq: TrainFreq, n_envs: int) -> None:
    """Check how often an agent with ``n_envs`` environments learns.

    Raises:
        ConfigError: If the number is not positive, or counts episodes of several environments.
    """
    if train_freq.frequency < 1:
        raise ConfigError(f"train_freq is {train_freq.frequency}; expected at least 1")
    if n_envs > 1 and train_freq.unit is not TrainFrequencyUnit.STEP:
        raise ConfigError(
            f"train_freq counts episodes, which end at different times in {n_envs} environments; "
            "count steps, or take one environment"
        )
