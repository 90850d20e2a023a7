"""Activations as people write them for Stable-Baselines3: the other side of the training benchmark.

PyTorch's own module where there is one, else the few lines of eager code that the paper's authors or a reader
of the paper would write. Of other formulas, the composite of PyTorch operations takes their place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from swimrl.activations.backends.torch import value_function
from swimrl.activations.factory import build
from swimrl.activations.names import ActivationSpec


def _swim(x: Tensor, k: Any) -> Tensor:
    # As the authors write it: x ((k x / sqrt(1 + (k x)^2) + 1) / 2).
    gate: Tensor = (k * (x * torch.rsqrt(1.0 + torch.pow(k * x, 2))) + 1.0) / 2.0
    return x * gate


def _ulu(x: Tensor, alpha1: Any, alpha2: Any) -> Tensor:
    below = 0.5 * x * (1.0 + torch.tanh(alpha1 * x))
    return torch.where(x < 0, below, 0.5 * x * (1.0 + torch.tanh(alpha2 * x)))


def _xielu(x: Tensor, a_p: Any, a_n: Any, beta: Any) -> Tensor:
    alpha_p = functional.softplus(torch.as_tensor(a_p))
    alpha_n = beta + functional.softplus(torch.as_tensor(a_n))
    above = alpha_p * x * x + beta * x
    return torch.where(x > 0, above, alpha_n * (torch.expm1(torch.clamp(x, max=0.0)) - x) + beta * x)


def _xiprelu(x: Tensor, a_p: Any, a_n: Any, beta: Any) -> Tensor:
    alpha_p, alpha_n = (functional.softplus(torch.as_tensor(a)) for a in (a_p, a_n))
    return torch.where(x > 0, alpha_p * x * x + beta * x, alpha_n * x * x + beta * x)


_OWN: dict[str, Callable[[], nn.Module]] = {
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "leaky_relu": nn.LeakyReLU,
    "mish": nn.Mish,
    "relu": nn.ReLU,
    "swish": nn.SiLU,
    "tanh": nn.Tanh,
}
"""PyTorch's own modules, for the parameters' defaults."""

_WRITTEN: dict[str, Callable[..., Tensor]] = {
    "swim": _swim,
    "ulu": _ulu,
    "xielu": _xielu,
    "xiprelu": _xiprelu,
}


class Eager(nn.Module):
    """A function of x and named parameters; trainable ones are ``nn.Parameter`` of shape ``()``.

    Args:
        spec: Gives the parameters.
        function: (x, parameters by name) -> the same shape as x.
    """

    def __init__(self, spec: ActivationSpec, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self._function = function
        self._fixed = {value.name: value.value for value in spec.values if not value.trainable}
        self._trainable = [value.name for value in spec.values if value.trainable]
        for value in spec.values:
            if value.trainable:
                self.register_parameter(value.name, nn.Parameter(torch.tensor(value.value)))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the activation; any shape."""
        return self._function(x, **self._fixed, **{name: getattr(self, name) for name in self._trainable})


def eager_module(spec: ActivationSpec) -> tuple[nn.Module, str]:
    """Return a new module for ``spec`` and a word on what it is, for the record.

    Raises:
        FormulaError: A ``package.module:Class`` that cannot be imported or does not make a module.
    """
    name = spec.definition.name
    if name in _OWN and spec.canonical == name:
        return _OWN[name](), f"torch.nn.{_OWN[name].__name__}"
    if name in _WRITTEN:
        return Eager(spec, _WRITTEN[name]), "eager code"
    if spec.formula is None:
        return build(spec), "the module itself"
    return Eager(spec, _composite(spec)), "composite of the formula"


def _composite(spec: ActivationSpec) -> Callable[..., Tensor]:
    assert spec.formula is not None
    trainable = [value.name for value in spec.values if value.trainable]
    function = value_function(
        spec.formula, tuple((value.name, value.value) for value in spec.values if not value.trainable)
    )

    def apply(x: Tensor, **parameters: Any) -> Tensor:
        return function(x, *(parameters[name] for name in trainable))

    return apply
