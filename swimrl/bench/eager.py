"""Activations as people write them without swimrl: the ones that our kernels are compared with.

PyTorch's own module where there is one, else the few lines of eager code that the paper's authors or a reader
of the paper would write, else the composite of PyTorch operations that follows from the formula.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from swimrl.activations.language.spec import ActivationSpec


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


OWN: dict[str, Callable[[], nn.Module]] = {
    "celu": nn.CELU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "gelu_tanh": functools.partial(nn.GELU, approximate="tanh"),
    "hardshrink": nn.Hardshrink,
    "hardsigmoid": nn.Hardsigmoid,
    "hardswish": nn.Hardswish,
    "hardtanh": nn.Hardtanh,
    "leaky_relu": nn.LeakyReLU,
    "logsigmoid": nn.LogSigmoid,
    "mish": nn.Mish,
    "prelu": nn.PReLU,
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "selu": nn.SELU,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "softshrink": nn.Softshrink,
    "softsign": nn.Softsign,
    "swish": nn.SiLU,
    "tanh": nn.Tanh,
    "tanhshrink": nn.Tanhshrink,
}
"""PyTorch's own modules, with the default parameters."""

_WRITTEN: dict[str, Callable[..., Tensor]] = {
    "swim": _swim,
    "ulu": _ulu,
    "xielu": _xielu,
    "xiprelu": _xiprelu,
}


class Eager(nn.Module):
    """A function of x and named parameters; trainable ones are ``nn.Parameter``, as in `Activation`.

    Args:
        spec: The activation, for its parameters.
        function: (x, parameters by name) -> the same shape as x.
        width: Neurons of the layer; needed only for granularity ``neuron``.
    """

    def __init__(
        self, spec: ActivationSpec, function: Callable[..., Tensor], width: int | None = None
    ) -> None:
        super().__init__()
        shape = (width,) if spec.granularity == "neuron" and width is not None else ()
        self._function = function
        self._fixed = {value.name: value.value for value in spec.values if not value.trainable}
        self._trainable = [value.name for value in spec.values if value.trainable]
        for value in spec.values:
            if value.trainable:
                self.register_parameter(value.name, nn.Parameter(torch.full(shape, value.initial)))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the activation; any shape."""
        return self._function(x, **self._fixed, **{name: getattr(self, name) for name in self._trainable})


def native_module(spec: ActivationSpec) -> tuple[nn.Module, str] | None:
    """Return PyTorch's own module for ``spec`` and its name; None where there is none."""
    name = spec.definition.name
    if name not in OWN or spec.canonical != name:
        return None
    module = OWN[name]()
    return module, f"torch.nn.{type(module).__name__}"


def written_module(spec: ActivationSpec, width: int | None = None) -> tuple[nn.Module, str]:
    """Return a new module of PyTorch's elementary operations for ``spec``, and a description of it.

    Args:
        spec: The activation.
        width: Neurons of the layer; needed where the activation has parameters for each neuron.

    Raises:
        FormulaError: A ``package.module:Class`` that cannot be imported or does not make a module.
    """
    name = spec.definition.name
    if name in _WRITTEN and not any(value.is_bounded for value in spec.values):
        return Eager(spec, _WRITTEN[name], width), "eager code"
    if spec.formula is None:
        from swimrl.activations.torch.factory import build  # not for PyTorch's own modules: it takes 0.5 s

        return build(spec, width), "the module itself"
    return Eager(spec, _composite(spec), width), "composite of the formula"


def eager_module(spec: ActivationSpec) -> tuple[nn.Module, str]:
    """Return PyTorch's module for ``spec`` where there is one, else one of elementary operations.

    Raises:
        FormulaError: A ``package.module:Class`` that cannot be imported or does not make a module.
    """
    return native_module(spec) or written_module(spec)


def _composite(spec: ActivationSpec) -> Callable[..., Tensor]:
    from swimrl.activations.torch.composite import value_function  # as above

    trainable = [value.name for value in spec.values if value.trainable]
    function = value_function(spec.settled)

    def apply(x: Tensor, **parameters: Any) -> Tensor:
        # As in `Activation`: the generated code is for float32 and float64.
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        return function(wide, *(parameters[name].to(wide.dtype) for name in trainable)).to(x.dtype)

    return apply
