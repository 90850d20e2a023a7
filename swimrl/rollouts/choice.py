"""The fastest lockstep for an environment."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from swimrl.rollouts.environments import EnvironmentLockstep
from swimrl.rollouts.interface import Lockstep
from swimrl.rollouts.simulation import MujocoLockstep, why_unsupported

PLACES = 10
"""Episodes that are stepped together, unless another number is asked for."""


def lockstep(env: gym.Env[Any, Any], size: int = PLACES, *, threads: int = 1) -> Lockstep:
    """Return places in which episodes of ``env`` are stepped together; results are those of ``env`` alone.

    Gymnasium's own MuJoCo tasks get ``size`` places that share the one environment. Any other environment is
    one place, so its episodes follow one another; `EnvironmentLockstep` takes several of them.

    Args:
        env: The environment, such as `swimrl.envs.make.make` returns. It is used, and may be closed later.
        size: The number of places for a MuJoCo task.
        threads: Processor threads for the simulation of a MuJoCo task; results do not depend on it.
    """
    if why_unsupported(env) is None:
        return MujocoLockstep(env, size, threads=threads)
    return EnvironmentLockstep([env])
