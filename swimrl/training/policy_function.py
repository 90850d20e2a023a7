"""A trained policy as a plain function of one observation, and its way to disk and back.

Letters in shapes: O observation, A action.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.vec_env import VecNormalize

from swimrl.errors import DamagedFileError
from swimrl.runs.weights import Normalisation, read_weights, write_weights
from swimrl.td3.engine.acting import FastActor, can_act
from swimrl.td3.policy import TD3Policy

Policy = Callable[[np.ndarray], np.ndarray]
"""Observation [O] -> action [A] in the environment's own units."""


def policy_function(policy: BasePolicy, normalisation: Normalisation | None = None) -> Policy:
    """Return the deterministic policy as a plain function of one observation."""
    fast = FastActor(policy, 1) if isinstance(policy, TD3Policy) and can_act(policy) else None

    def act(observation: np.ndarray) -> np.ndarray:
        seen = normalisation(observation) if normalisation else observation
        if fast is None:
            return policy.predict(seen, deterministic=True)[0]
        return policy.unscale_action(fast(seen)[0])

    return act


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
