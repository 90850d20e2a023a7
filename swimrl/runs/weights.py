"""A trained policy on disk: weights in safetensors, rebuilt from run.json; nothing is unpickled.

Besides the policy's own tensors a file may hold the running mean and variance of ``--normalize-obs`` under
``normalisation.mean`` and ``normalisation.var``, float64 [O].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import safetensors
import safetensors.torch
import torch
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.vec_env import VecNormalize

from swimrl.errors import DamagedFileError
from swimrl.runs.directory import replace, writing
from swimrl.td3.engine.acting import FastActor, can_act
from swimrl.td3.policy import TD3Policy

# Stable-Baselines3's VecNormalize defaults, which training uses.
NORMALISATION_EPSILON = 1e-8
NORMALISATION_CLIP = 10.0

Policy = Callable[[np.ndarray], np.ndarray]
"""Observation [O] -> action [A] in the environment's own units."""


@dataclass(frozen=True)
class Normalisation:
    """Running statistics of the observations."""

    mean: np.ndarray
    var: np.ndarray

    def __call__(self, observation: np.ndarray) -> np.ndarray:
        """Return the normalised observation, float32."""
        scaled = (observation - self.mean) / np.sqrt(self.var + NORMALISATION_EPSILON)
        clipped: np.ndarray = np.clip(scaled, -NORMALISATION_CLIP, NORMALISATION_CLIP)
        return clipped.astype(np.float32)


def normalisation_of(env: VecNormalize | None) -> Normalisation | None:
    """Return the observation statistics of a normalising environment, or None."""
    if env is None:
        return None
    statistics: Any = env.obs_rms  # a RunningMeanStd, because observations are vectors
    return Normalisation(statistics.mean.copy(), statistics.var.copy())


def acting(policy: BasePolicy, normalisation: Normalisation | None = None) -> Policy:
    """Return the deterministic policy as a plain function of one observation."""
    fast = FastActor(policy, 1) if isinstance(policy, TD3Policy) and can_act(policy) else None

    def act(observation: np.ndarray) -> np.ndarray:
        seen = normalisation(observation) if normalisation else observation
        if fast is None:
            return policy.predict(seen, deterministic=True)[0]
        return policy.unscale_action(fast(seen)[0])

    return act


def save_policy(path: Path, policy: BasePolicy, normalisation: Normalisation | None = None) -> None:
    """Write the policy's tensors to ``path``, in one step, so that no reader finds half a file."""
    # Copies, because safetensors refuses tensors that share memory, as layers with shared parameters do.
    tensors = {name: tensor.clone().contiguous() for name, tensor in policy.state_dict().items()}
    if normalisation:
        tensors["normalisation.mean"] = torch.from_numpy(normalisation.mean)
        tensors["normalisation.var"] = torch.from_numpy(normalisation.var)
    with writing(path):
        replace(path, safetensors.torch.save(tensors))


def load_policy(
    path: Path, env: gym.Env[Any, Any], policy_kwargs: Mapping[str, Any], *, device: str = "cpu"
) -> Policy:
    """Return the policy in ``path``, rebuilt for the spaces of ``env``.

    Raises:
        DamagedFileError: If the file cannot be read, or holds other tensors than such a policy has.
    """
    try:
        tensors = safetensors.torch.load_file(path, device=device)
    except OSError as error:
        raise DamagedFileError(f"cannot read {path}: {error.strerror or error}") from error
    except safetensors.SafetensorError as error:
        raise DamagedFileError(
            f"{path} is no policy (damaged or cut off: {error}); restore it from a copy or train again"
        ) from error
    mean, var = tensors.pop("normalisation.mean", None), tensors.pop("normalisation.var", None)
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
    normalisation = None
    if mean is not None and var is not None:
        normalisation = Normalisation(mean.cpu().numpy(), var.cpu().numpy())
    return acting(policy, normalisation)
