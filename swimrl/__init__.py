"""swimrl: the laboratory for activation functions in locomotion control.

Public names are loaded on first use (PEP 562), so that ``import swimrl`` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swimrl import bench
    from swimrl.activations import activation, activation_fn, jax_activation, register
    from swimrl.encrypting import encrypt
    from swimrl.exporting import export
    from swimrl.repairing import repair
    from swimrl.reporting import report
    from swimrl.sweeps import open_study, sweep
    from swimrl.td3 import TD3
    from swimrl.training import open_run, train
    from swimrl.tuning import tune

    __version__: str

_HOME = {
    "TD3": "swimrl.td3",
    "activation": "swimrl.activations",
    "activation_fn": "swimrl.activations",
    "encrypt": "swimrl.encrypting",
    "export": "swimrl.exporting",
    "jax_activation": "swimrl.activations",
    "open_run": "swimrl.training",
    "open_study": "swimrl.sweeps",
    "register": "swimrl.activations",
    "repair": "swimrl.repairing",
    "report": "swimrl.reporting",
    "sweep": "swimrl.sweeps",
    "train": "swimrl.training",
    "tune": "swimrl.tuning",
}

_PACKAGES = ("bench",)
"""Packages that are public as a whole."""

__all__ = [
    "TD3",
    "__version__",
    "activation",
    "activation_fn",
    "bench",
    "encrypt",
    "export",
    "jax_activation",
    "open_run",
    "open_study",
    "register",
    "repair",
    "report",
    "sweep",
    "train",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name == "__version__":
        from importlib.metadata import version  # takes 20 ms, and needs an installed package

        return version("swimrl")
    if name in _PACKAGES:
        return importlib.import_module(f"swimrl.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
