"""Activation functions, each written once as a formula.

Public names are loaded on first use (PEP 562): naming and listing activations needs neither torch
nor SymPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swimrl.activations.backends.torch import value_and_derivatives
    from swimrl.activations.factory import ActivationFactory, activation, activation_fn, build
    from swimrl.activations.formula import Formula
    from swimrl.activations.gain import variance_gain
    from swimrl.activations.module import Activation
    from swimrl.activations.names import ActivationSpec, parse_name, split_layers
    from swimrl.activations.parameters import Interval, Parameter
    from swimrl.activations.registry import REGISTRY, register

_HOME = {
    "REGISTRY": "registry",
    "Activation": "module",
    "ActivationFactory": "factory",
    "ActivationSpec": "names",
    "Formula": "formula",
    "Interval": "parameters",
    "Parameter": "parameters",
    "activation": "factory",
    "activation_fn": "factory",
    "build": "factory",
    "parse_name": "names",
    "register": "registry",
    "split_layers": "names",
    "value_and_derivatives": "backends.torch",
    "variance_gain": "gain",
}

__all__ = [
    "REGISTRY",
    "Activation",
    "ActivationFactory",
    "ActivationSpec",
    "Formula",
    "Interval",
    "Parameter",
    "activation",
    "activation_fn",
    "build",
    "parse_name",
    "register",
    "split_layers",
    "value_and_derivatives",
    "variance_gain",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
