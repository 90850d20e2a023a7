"""Episodes of one or many policies, stepped together; see README.md.

Public names are loaded on first use (PEP 562), so that gymnasium and mujoco stay out of ``swimrl --help``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swimrl.rollouts.choice import lockstep
    from swimrl.rollouts.environments import EnvironmentLockstep, TraceState
    from swimrl.rollouts.episodes import Rollouts, play
    from swimrl.rollouts.interface import BatchPolicy, Lockstep, Start, State
    from swimrl.rollouts.overflows import Overflows
    from swimrl.rollouts.policies import one_each, row_by_row
    from swimrl.rollouts.simulation import MujocoLockstep, MujocoState
    from swimrl.rollouts.tasks import never_terminates

_HOME = {
    "BatchPolicy": "interface",
    "EnvironmentLockstep": "environments",
    "Lockstep": "interface",
    "MujocoLockstep": "simulation",
    "MujocoState": "simulation",
    "Overflows": "overflows",
    "Rollouts": "episodes",
    "Start": "interface",
    "State": "interface",
    "TraceState": "environments",
    "lockstep": "choice",
    "never_terminates": "tasks",
    "one_each": "policies",
    "play": "episodes",
    "row_by_row": "policies",
}

__all__ = [
    "BatchPolicy",
    "EnvironmentLockstep",
    "Lockstep",
    "MujocoLockstep",
    "MujocoState",
    "Overflows",
    "Rollouts",
    "Start",
    "State",
    "TraceState",
    "lockstep",
    "never_terminates",
    "one_each",
    "play",
    "row_by_row",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
