"""Activation functions, each written once as a formula.

Public names are loaded on first use (PEP 562): naming and listing activations needs neither torch
nor SymPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swimrl.activations.jax.function import jax_activation
    from swimrl.activations.language.formula import Formula
    from swimrl.activations.language.names import parse_name, split_layers
    from swimrl.activations.language.parameters import Interval, Parameter
    from swimrl.activations.language.registry import REGISTRY, register
    from swimrl.activations.language.spec import ActivationSpec
    from swimrl.activations.torch.activation import Activation
    from swimrl.activations.torch.composite import value_and_derivatives
    from swimrl.activations.torch.factory import ActivationFactory, activation, activation_fn, build
    from swimrl.activations.torch.gain import variance_gain

_HOME = {
    "REGISTRY": "language.registry",
    "Activation": "torch.activation",
    "ActivationFactory": "torch.factory",
    "ActivationSpec": "language.spec",
    "Formula": "language.formula",
    "Interval": "language.parameters",
    "Parameter": "language.parameters",
    "activation": "torch.factory",
    "activation_fn": "torch.factory",
    "build": "torch.factory",
    "jax_activation": "jax.function",
    "parse_name": "language.names",
    "register": "language.registry",
    "split_layers": "language.names",
    "value_and_derivatives": "torch.composite",
    "variance_gain": "torch.gain",
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
    "jax_activation",
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
