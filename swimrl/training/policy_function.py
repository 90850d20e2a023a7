"""A trained policy as a plain function of one observation, and its way to disk and back.

Letters in shapes: O observation, A action.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.vec_env import VecNormalize

from swimrl.errors import DamagedFileError, NonFiniteError
from swimrl.runs.weights import Normalisation, read_weights, write_weights
from swimrl.td3.engine.acting import FastActor, can_act
from swimrl.td3.policy import TD3Policy, perceptrons

Policy = Callable[[np.ndarray], np.ndarray]
"""Observation [O] -> action [A] in the environment's own units."""


def policy_function(policy: BasePolicy, normalisation: Normalisation | None = None) -> Policy:
    """Return the deterministic policy as a plain function of one observation.

    The function raises `NonFiniteError` if an action is NaN or infinite; the message names the first tensor
    of the actor that is not finite.
    """
    fast = FastActor(policy, 1) if isinstance(policy, TD3Policy) and can_act(policy) else None

    def act(observation: np.ndarray) -> np.ndarray:
        seen = normalisation(observation) if normalisation else observation
        if fast is None:
            action = policy.predict(seen, deterministic=True)[0]
        else:
            action = policy.unscale_action(fast(seen)[0])
        if not np.isfinite(action).all():
            raise NonFiniteError(
                f"the policy's action is {action[~np.isfinite(action)].flat[0]}; the first tensor that is "
                f"not finite is {_first_bad_tensor(policy, seen)}; choose an activation that grows more "
                "slowly, a smaller learning rate, or --td3.layer-norm"
            )
        return action

    return act


@torch.no_grad()
def _first_bad_tensor(policy: BasePolicy, seen: np.ndarray) -> str:
    """Return the name of the first tensor between observation and action that holds NaN or infinity."""
    if not np.isfinite(seen).all():
        return "the observation"
    if isinstance(policy, TD3Policy):
        x = torch.as_tensor(seen, dtype=torch.float32, device=policy.device)[None]
        for number, module in enumerate(perceptrons(policy.actor)[0]):
            for name, parameter in module.named_parameters():
                if not parameter.isfinite().all():
                    return f"actor.mu.{number}.{name}"
            x = module(x.clone())  # a user's module may overwrite its input
            if not x.isfinite().all():
                return f"the output of actor.mu.{number}, {module}"
    return "the action itself"


def normalisation_of(env: VecNormalize | None) -> Normalisation | None:
    """Return a copy of the observation statistics of a normalising environment; None if there is none."""
    if env is None:
        return None
    statistics: Any = env.obs_rms  # a RunningMeanStd, because observations are vectors
    return Normalisation(statistics.mean.copy(), statistics.var.copy())


def save_policy(path: Path, policy: BasePolicy, normalisation: Normalisation | None = None) -> None:
    """Write the policy's tensors to ``path``.

    Raises:
        StorageError: If the file cannot be written; the file before is kept.
    """
    write_weights(path, policy.state_dict(), normalisation)


def load_policy(
    path: Path, env: gym.Env[Any, Any], policy_kwargs: Mapping[str, Any], *, device: str = "cpu"
) -> tuple[TD3Policy, Normalisation | None]:
    """Return the policy in ``path``, rebuilt for the spaces of ``env``, and how it normalises observations.

    Raises:
        DamagedFileError: If the file cannot be read, or holds other tensors than such a policy has.
    """
    tensors, normalisation = read_weights(path, device=device)
    policy = TD3Policy(
        env.observation_space,
        env.action_space,  # type: ignore[arg-type]
        lr_schedule=lambda _: 0.0,
        **policy_kwargs,
    )
    try:
        policy.load_state_dict(tensors)
    except RuntimeError as error:
        difference = str(error).splitlines()[1].strip().rstrip(".")
        raise DamagedFileError(
            f"{path} does not fit the run.json beside it ({difference}); "
            "restore both from a copy or train again"
        ) from error
    policy.to(device).set_training_mode(False)
    return policy, normalisation
