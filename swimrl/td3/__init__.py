"""TD3: Stable-Baselines3's agent with the authors' defaults, named random streams and any activation.

The README beside this file lists every deviation from the authors' code, ours and Stable-Baselines3's.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swimrl.td3.agent import TD3
    from swimrl.td3.config import TD3Config
    from swimrl.td3.policy import TD3Policy

_HOME = {"TD3": "agent", "TD3Config": "config", "TD3Policy": "policy"}

__all__ = ["TD3", "TD3Config", "TD3Policy"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
