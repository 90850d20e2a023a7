"""TD3's settings. The defaults are the authors' (github.com/sfujim/TD3, main.py and TD3.py)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

import tyro

from swimrl.errors import ConfigError
from swimrl.fields import Count

Initialisation = Literal["torch", "orthogonal", "variance"]

Engine = Literal["fused", "sb3"]
ENGINES = get_args(Engine)
DEFAULT_ENGINE: Engine = "fused"

NoiseSide = Literal["both", "negative"]

Precision = Literal["float32", "bf16"]
PRECISIONS = get_args(Precision)
DEFAULT_PRECISION: Precision = "float32"


_LEAST_COUNT = {
    "batch_size": 1,
    "buffer_size": 1,
    "updates_per_step": 1,
    "policy_delay": 1,
    "learning_starts": 0,
}


@dataclass(frozen=True)
class TD3Config:
    """Settings of the algorithm.

    Raises:
        ConfigError: If a value lies outside its range; the message names it.
    """

    lr: float = 3e-4
    """Learning rate of actor and critics (Adam)."""

    activation_lr: Annotated[float | None, tyro.conf.arg(metavar="FLOAT")] = None
    """Learning rate of trainable activation parameters; the same as lr when not given."""

    weight_decay: float = 0.0
    """Decoupled weight decay on weight matrices; biases, norms and activations are exempt."""

    batch_size: Count = 256
    """Transitions in a minibatch."""

    buffer_size: Count = 1_000_000
    """Transitions that the replay buffer holds."""

    learning_starts: Count = 25_000
    """Environment steps with uniformly random actions before learning starts."""

    updates_per_step: Count = 1
    """Updates for each environment step, however many environments run side by side."""

    gamma: float = 0.99
    """Discount factor."""

    tau: float = 0.005
    """Polyak coefficient of the target networks."""

    policy_delay: Count = 2
    """Critic updates for each update of the actor and the targets."""

    exploration_noise: float = 0.1
    """Standard deviation of the exploration noise, in units of the largest action."""

    target_noise: float = 0.2
    """Standard deviation of the target policy's noise, in units of the largest action."""

    noise_clip: float = 0.5
    """Clipping range of the target policy's noise, in units of the largest action."""

    init: Initialisation = "torch"
    """Initial weights: torch's default (the authors'), orthogonal, or variance (the same draws,
    rescaled so that each activation keeps the variance of its input)."""

    layer_norm: bool = False
    """Layer normalisation before each hidden activation."""

    range_penalty: float = 0.0
    """Penalty on inputs of the actor's activations outside +- range-bound, so that polynomials can take their
    place: this times ``mean(max(0, abs(z) - bound)^2)`` of each layer is added to the actor's loss."""

    range_bound: float = 10.0
    """Where the range penalty begins."""

    activation_noise: float = 0.0
    """Uniform noise in +- this on the actor's activations, in its own updates alone."""

    noise_side: NoiseSide = "both"
    """Activation noise for all inputs, or only for negative ones."""

    def __post_init__(self) -> None:
        for name, least in _LEAST_COUNT.items():
            value = getattr(self, name)
            is_count = isinstance(value, int) and value >= least
            _require(self, name, is_count, f"a whole number of at least {least}")
        _require(self, "init", self.init in get_args(Initialisation), "torch, orthogonal or variance")
        _require(self, "lr", 0 < self.lr < math.inf, "a number above 0")
        if self.activation_lr is not None:
            _require(self, "activation_lr", 0 <= self.activation_lr < math.inf, "at least 0")
        _require(self, "gamma", 0 <= self.gamma <= 1, "a number from 0 to 1")
        _require(self, "tau", 0 < self.tau <= 1, "a number above 0 and at most 1")
        _require(self, "range_bound", 0 < self.range_bound < math.inf, "a number above 0")
        _require(self, "noise_side", self.noise_side in get_args(NoiseSide), "both or negative")
        for name in (
            "weight_decay",
            "exploration_noise",
            "target_noise",
            "noise_clip",
            "range_penalty",
            "activation_noise",
        ):
            _require(self, name, 0 <= getattr(self, name) < math.inf, "a number of at least 0")

    def agent_arguments(self, n_envs: int = 1) -> dict[str, Any]:
        """Return the arguments of `swimrl.TD3` for these settings, under Stable-Baselines3's names.

        Args:
            n_envs: Environments that run side by side.
        """
        return {
            "learning_rate": self.lr,
            "buffer_size": self.buffer_size,
            "learning_starts": self.learning_starts,
            "batch_size": self.batch_size,
            "tau": self.tau,
            "gamma": self.gamma,
            "train_freq": 1,
            "gradient_steps": self.updates_per_step * n_envs,
            "exploration_noise": self.exploration_noise,
            "policy_delay": self.policy_delay,
            "target_policy_noise": self.target_noise,
            "target_noise_clip": self.noise_clip,
        }

    def policy_arguments(self) -> dict[str, Any]:
        """Return the arguments of `swimrl.td3.TD3Policy` for these settings."""
        return {
            "initialisation": self.init,
            "layer_norm": self.layer_norm,
            "weight_decay": self.weight_decay,
            "activation_lr_scale": 1.0 if self.activation_lr is None else self.activation_lr / self.lr,
        }


def _require(config: TD3Config, name: str, holds: bool, expected: str) -> None:
    if not holds:
        value = getattr(config, name)
        raise ConfigError(f"--td3.{name.replace('_', '-')} is {value}; expected {expected}")
