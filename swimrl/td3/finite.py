"""Which tensor was the first to hold NaN or infinity, in the order in which numbers flow.

Letters in shapes: E environments, O observation, A action.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.policies import BasePolicy

from swimrl.td3.policy import TD3Policy, perceptrons

NamedTensors = Iterable[tuple[str, Any]]


def first_bad_tensor(tensors: NamedTensors, otherwise: str) -> str:
    """Return the name of the first tensor that holds NaN or infinity; ``otherwise`` if all are finite."""
    for name, values in tensors:
        if not torch.isfinite(torch.as_tensor(values)).all():
            return name
    return otherwise


def why_bad_action(policy: BasePolicy, seen: Any) -> str:
    """Return the part of a message that names the first bad tensor behind an action, and the remedies.

    Args:
        policy: The policy that acted.
        seen: The observation as the actor saw it, [O] or [E, O].
    """
    first = first_bad_tensor(_tensors_of_an_action(policy, seen), "the action itself")
    return (
        f"the first tensor that is not finite is {first}; choose an activation that grows more slowly, a "
        "smaller learning rate, or --td3.layer-norm"
    )


@torch.no_grad()
def _tensors_of_an_action(policy: BasePolicy, seen: Any) -> Iterator[tuple[str, Any]]:
    """Yield the observation, and the parameters and the output of each module of the actor."""
    if not isinstance(seen, np.ndarray):
        return  # a dictionary of observations: such a policy is not a perceptron
    yield "the observation", seen
    if isinstance(policy, TD3Policy):
        x = torch.as_tensor(np.atleast_2d(seen), dtype=torch.float32, device=policy.device)
        for number, module in enumerate(perceptrons(policy.actor)[0]):
            for name, parameter in module.named_parameters():
                yield f"actor.mu.{number}.{name}", parameter
            x = module(x.clone())  # a user's module may overwrite its input
            yield f"the output of actor.mu.{number}, {module}", x


def tensors_of_an_update(replay_buffer: ReplayBuffer, policy: BasePolicy) -> Iterator[tuple[str, Any]]:
    """Yield what the replay buffer holds, and the parameters of all networks."""
    stored = replay_buffer.size()
    for name in ("observations", "actions", "rewards", "next_observations"):
        yield f"replay buffer: {name.replace('_', ' ')}", getattr(replay_buffer, name)[:stored]
    yield from policy.state_dict().items()
