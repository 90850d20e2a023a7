"""The settings of the fused engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from swimrl.td3.config import Precision
from swimrl.td3.robustness import Robustness


@dataclass(frozen=True)
class EngineSettings:
    """What the engine needs to know besides policy and replay buffer; other settings need a new engine.

    The names are those of Stable-Baselines3's attributes.
    """

    batch_size: int
    """B, transitions in a minibatch."""

    gamma: float
    """Discount factor."""

    tau: float
    """Polyak coefficient of the target networks."""

    policy_delay: int
    """Critic updates for each update of the actor and the targets."""

    target_policy_noise: float
    """Standard deviation of the target policy's noise, in units of the largest action."""

    target_noise_clip: float
    """Bound of the target policy's noise, in units of the largest action."""

    threads: int
    """How many threads share a minibatch; each product is computed by one thread."""

    precision: Precision
    """``"bf16"`` computes large products in bfloat16."""

    robustness: Robustness | None = None
    """Additions to the actor's update."""

    products: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Backend of each product, as an earlier run chose it; the engine chooses for those that are missing."""
