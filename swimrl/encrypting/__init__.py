"""Policies that act on encrypted observations: packing, parameters, client and server.

Public names are loaded on first use (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swimrl.encrypting.api import Encrypted, Settings, encrypt

_HOME = {"Encrypted": "api", "Settings": "api", "encrypt": "api"}

__all__ = ["Encrypted", "Settings", "encrypt"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
