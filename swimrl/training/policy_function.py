"""A trained policy as a plain function of observations, and its way to disk and back.

Letters in shapes: M observations at once, O observation, A action.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.vec_env import VecNormalize

from swimrl.errors import DamagedFileError, NonFiniteError
from swimrl.runs.weights import Normalisation, read_weights, write_weights
from swimrl.td3.engine.acting import FastActor, can_act
from swimrl.td3.finite import why_bad_action
from swimrl.td3.policy import TD3Policy

Policy = Callable[[np.ndarray], np.ndarray]
"""Observation [O] -> action [A] in the environment's own units."""


class PolicyFunction:
    """The deterministic policy as a plain function of one observation, and of many at once.

    Both raise `NonFiniteError` if an action is NaN or infinite; the message names the first tensor of the
    actor that is not finite.

    Args:
        policy: The policy; its weights may change later.
        normalisation: How it normalises observations.
    """

    def __init__(self, policy: BasePolicy, normalisation: Normalisation | None = None) -> None:
        self._policy = policy
        self._normalisation = normalisation
        self._fast = isinstance(policy, TD3Policy) and can_act(policy)
        self._actors: dict[int, FastActor] = {}

    @property
    def has_batch(self) -> bool:
        """Whether `batch` is available: not for a policy that only PyTorch can compute."""
        return self._fast

    def __call__(self, observation: np.ndarray) -> np.ndarray:
        """Return the action [A] at an observation [O]."""
        if self._fast:
            (action,) = self.batch(np.asarray(observation)[None])
            return np.asarray(action)
        seen = self._normalisation(observation) if self._normalisation else observation
        return self._checked(self._policy.predict(seen, deterministic=True)[0], seen)

    def batch(self, observations: np.ndarray) -> np.ndarray:
        """Return the actions [M, A] at observations [M, O]; each has the bits of a call for it alone."""
        seen = self._normalisation(observations) if self._normalisation else observations
        return self._checked(self._computed(seen), seen)

    def batch_or_nan(self, observations: np.ndarray) -> np.ndarray:
        """Return what `batch` returns, with rows of NaN or infinity where finite weights give such actions.

        An activation that grows fast, such as a polynomial far outside its range, overflows.
        """
        seen = self._normalisation(observations) if self._normalisation else observations
        actions = self._computed(seen)
        if np.isfinite(actions).all() or self._has_finite_weights():
            return actions
        return self._checked(actions, seen)

    def _has_finite_weights(self) -> bool:
        return all(bool(tensor.isfinite().all()) for tensor in self._policy.state_dict().values())

    def _computed(self, seen: np.ndarray) -> np.ndarray:
        if len(seen) not in self._actors:
            assert isinstance(self._policy, TD3Policy)
            self._actors[len(seen)] = FastActor(self._policy, len(seen), by_row=True)
        return self._policy.unscale_action(self._actors[len(seen)](seen))

    def _checked(self, actions: np.ndarray, seen: np.ndarray) -> np.ndarray:
        if not np.isfinite(actions).all():
            raise NonFiniteError(
                f"the policy's action is {actions[~np.isfinite(actions)].flat[0]}; "
                f"{why_bad_action(self._policy, seen)}"
            )
        return actions


def policy_function(policy: BasePolicy, normalisation: Normalisation | None = None) -> PolicyFunction:
    """Return the deterministic policy as a plain function of one observation."""
    return PolicyFunction(policy, normalisation)


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
