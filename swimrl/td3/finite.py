"""Which tensor was the first to hold NaN or infinity, in the order in which numbers flow.

Letters in shapes: E environments, O observation, A action.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.vec_env import VecEnv

from swimrl.envs.guard import environment_name, shown
from swimrl.td3.policy import TD3Policy, perceptrons


def _first_bad_tensor(tensors: Iterable[tuple[str, Any]], otherwise: str) -> str:
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
    first = _first_bad_tensor(_tensors_of_an_action(policy, seen), "the action itself")
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


def why_bad_loss(replay_buffer: ReplayBuffer, policy: BasePolicy) -> str:
    """Return the part of a message that names the first bad tensor behind a loss, and the remedy.

    Args:
        replay_buffer: The transitions that were learned from.
        policy: The networks after the update.
    """
    largest = np.abs(replay_buffer.rewards[: replay_buffer.size()]).max(initial=0)
    if np.isfinite(largest) and largest > _SQUARE_OVERFLOWS:
        return (
            f"the rewards of the environment reach {largest:.3g}, whose square overflows float32; scale them"
        )
    first = _first_bad_tensor(
        _tensors_of_an_update(replay_buffer, policy),
        otherwise="the loss itself (all stored data and weights are finite)",
    )
    return (
        f"the first tensor that is not finite is {first}; "
        "a smaller learning rate or --td3.layer-norm may help"
    )


_SQUARE_OVERFLOWS = math.sqrt(torch.finfo(torch.float32).max)


def _tensors_of_an_update(replay_buffer: ReplayBuffer, policy: BasePolicy) -> Iterator[tuple[str, Any]]:
    """Yield what the replay buffer holds, and the parameters of all networks."""
    stored = replay_buffer.size()
    for name in ("observations", "actions", "rewards", "next_observations"):
        yield f"replay buffer: {name.replace('_', ' ')}", getattr(replay_buffer, name)[:stored]
    yield from policy.state_dict().items()


def looks_finite(new_obs: np.ndarray | dict[str, np.ndarray], reward: np.ndarray) -> bool:
    """Return whether a quick check finds only finite numbers; after False a thorough check is needed."""
    if not isinstance(new_obs, np.ndarray):
        return False
    # A sum of squares is finite only if all its terms are, and it takes half the time of a test of each.
    # Unlike dot, vdot does not warn where the sum overflows.
    return math.isfinite(np.vdot(new_obs, new_obs)) and math.isfinite(np.vdot(reward, reward))


def why_bad_transition(
    policy: BasePolicy,
    env: VecEnv,
    step: int,
    seen: Any,
    actions: np.ndarray,
    new_obs: np.ndarray | dict[str, np.ndarray],
    reward: np.ndarray,
    infos: Sequence[Mapping[str, Any]],
) -> str | None:
    """Return the message that names the first number of a step that is not finite; None if all are.

    Args:
        policy: The policy that acted.
        env: The environments.
        step: The number of the step.
        seen: The observations that the policy saw, [E, O].
        actions: Its actions in [-1, 1], [E, A].
        new_obs: The observations after the step, [E, O].
        reward: [E].
        infos: One for each environment.
    """
    if not np.isfinite(actions).all():
        return f"the action for step {step} is {shown(actions)}; {why_bad_action(policy, seen)}"
    for number, info in enumerate(infos):
        ending = info.get("terminal_observation")
        for name, values in (("reward", reward[number]), ("observation", new_obs), ("observation", ending)):
            if isinstance(values, np.ndarray | np.floating):
                flat = np.ravel(values[number] if values is new_obs else values)
                if not np.isfinite(flat).all():
                    action = policy.unscale_action(actions[number])
                    return (
                        f"the {name} of {_name_of_environment(env, number)} is {flat[~np.isfinite(flat)][0]} "
                        f"at step {step}, on action {shown(action)}; check the environment and its arguments"
                    )
    return None


def _name_of_environment(env: VecEnv, number: int) -> str:
    envs = getattr(env.unwrapped, "envs", None)
    if envs is not None:
        return environment_name(envs[number])
    spec = env.get_attr("spec", number)[0]
    return f"environment {number}" if spec is None else str(spec.id)
