"""The hand-written modules that have compiled loops, and the calls of these loops.

A module's loops are three functions in `module_loops`: NAME_value, NAME_input_gradient and, if it learns
something, NAME_parameter_gradients. They receive the layer's inputs, the module's settings as numbers or
arrays, and its parameters. The methods of `ModuleKernel` say in which order. numba is imported when the first
call is bound.

Letters in shapes: B batch, N inputs of the module, M outputs.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from swimrl.activations.language.spec import ActivationSpec

Call = Callable[[], object]
_Settings = Callable[[Any], tuple[object, ...]]
_FROM_HERE = "swimrl.activations.torch.handwritten"


def _none(module: Any) -> tuple[object, ...]:
    return ()


@dataclass(frozen=True)
class ModuleKernel:
    """The compiled loops of one class of modules.

    Args:
        name: The beginning of the loops' names.
        settings: Returns what the loops need of a module beside its parameters.
    """

    name: str
    settings: _Settings = _none

    def bind_value(
        self, module: Any, x: np.ndarray, out: np.ndarray, parameters: Sequence[np.ndarray]
    ) -> Call:
        """Return the call that writes the outputs.

        Args:
            module: The module.
            x: Its inputs, [B, N].
            out: [B, M].
            parameters: Its parameters, in the order of ``module.parameters()``.
        """
        return partial(self._loop("value"), x, out, *self.settings(module), *parameters)

    def bind_input_gradient(
        self, module: Any, x: np.ndarray, g: np.ndarray, below: np.ndarray, parameters: Sequence[np.ndarray]
    ) -> Call:
        """Return the call that writes the gradient by the inputs.

        Args:
            module: The module.
            x: Its inputs, [B, N].
            g: Gradient by its outputs, [B, M].
            below: [B, N].
            parameters: Its parameters.
        """
        return partial(self._loop("input_gradient"), x, g, below, *self.settings(module), *parameters)

    def bind_parameter_gradients(
        self,
        module: Any,
        x: np.ndarray,
        g: np.ndarray,
        parameters: Sequence[np.ndarray],
        gradients: Sequence[np.ndarray],
    ) -> Call:
        """Return the call that writes the gradients by the parameters.

        Args:
            module: The module.
            x: Its inputs, [B, N].
            g: Gradient by its outputs, [B, M].
            parameters: Its parameters.
            gradients: Arrays of their shapes.
        """
        loop = self._loop("parameter_gradients")
        return partial(loop, x, g, *self.settings(module), *parameters, *gradients)

    def _loop(self, part: str) -> Callable[..., None]:
        loops = importlib.import_module("swimrl.activations.cpu.module_loops")  # imports numba
        loop: Callable[..., None] = getattr(loops, f"{self.name}_{part}")
        return loop


KERNELS = MappingProxyType(
    {
        "AverageBiasedReLU": ModuleKernel("abrelu"),
        "ConcatenatedReLU": ModuleKernel("crelu"),
        "GEGLU": ModuleKernel("glu", lambda module: (2,)),
        "GatedLinearUnit": ModuleKernel("glu", lambda module: (0,)),
        "KernelActivation": ModuleKernel("kaf", lambda module: (module.places.numpy(),)),
        "Maxout": ModuleKernel("maxout", lambda module: (module.pieces,)),
        "PairSort": ModuleKernel("oplu"),
        "ReGLU": ModuleKernel("glu", lambda module: (1,)),
        "SeriesLinearUnit": ModuleKernel("lslu"),
        "Softmax": ModuleKernel("softmax"),
        "SwiGLU": ModuleKernel("glu", lambda module: (3,)),
    }
)
"""By the name of the class in `swimrl.activations.torch.handwritten`."""


_RANDOM = (
    "ElasticReLU",
    "NoisyHardTanh",
    "NoisyReLU",
    "Pats",
    "ProbAct",
    "RandomisedLeakyReLU",
)
_FOR_IMAGES = ("FunnelReLU",)


def kernel_of(module: Any) -> ModuleKernel | None:
    """Return the loops of a module; None if it has none, or is of a class of a user's own."""
    kind = type(module)
    if kind.__module__ != _FROM_HERE or getattr(module, "spread", None) is not None:  # LSLU for images
        return None
    return KERNELS.get(kind.__name__)


def why_not_fused(spec: ActivationSpec) -> str | None:
    """Return why the fused engine has no compiled loops for an activation, or None if it has.

    It then calls the module through autograd, or leaves the update to Stable-Baselines3.
    """
    source = spec.definition.module
    if source is None:
        return None
    if isinstance(source, str):
        path, _, name = source.partition(":")
        is_for_images = any(value.name == "spatial" and value.value for value in spec.values)
        if path == _FROM_HERE and name in KERNELS and not is_for_images:
            return None
        if name in _FOR_IMAGES or is_for_images:
            return "it is a module without compiled loops, because it is for images"
        if path == _FROM_HERE and name in _RANDOM:
            return (
                "it is a module without compiled loops, because it draws random numbers; PyTorch computes it "
                "inside of the fused update, on one thread"
            )
    return "it is a module without compiled loops; PyTorch computes it inside of the fused update"
