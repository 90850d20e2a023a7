"""Modules without compiled loops: PyTorch's autograd computes them alone, inside of an update by hand.

Everything around them stays compiled. A call of such a module takes longer than a compiled loop, and
interrupts the update's one call, but only where the module stands.

Letters in shapes: B batch, N inputs of the module, M outputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from swimrl.activations.torch.factory import output_width
from swimrl.activations.torch.handwritten import Stochastic
from swimrl.errors import one_line
from swimrl.td3.engine.perceptron import Building

_ROWS = 4


@dataclass(frozen=True)
class AutogradNode:
    """A module whose value and gradients PyTorch computes."""

    module: nn.Module
    """Its parameters are views into the flat arrays."""

    width: int
    """M, its number of outputs."""

    gradients: tuple[np.ndarray, ...] = ()
    """Arrays for the parameters' gradients; empty where no backward pass writes them."""

    def forward(self, x: np.ndarray, building: Building, out: np.ndarray | None = None) -> np.ndarray:
        """Add the call that computes the outputs at ``x`` [B, N]; see `Node.forward`."""
        assert out is None
        y = building.scratch.take((len(x), self.width), x.dtype)
        if building.tape is None:
            building.add(_Value(self.module, x, y), "activations")
        else:
            recorded = _Recorded(self.module, x, y)
            building.add(recorded.forward, "activations")
            building.tape.kept.append((recorded, x.shape))
        building.scratch.give_back(x)  # autograd keeps a copy
        return y

    def backward(self, g: np.ndarray, building: Building) -> np.ndarray:
        """Add the call that computes the gradients from ``g`` [B, M]; see `Node.backward`."""
        assert building.tape is not None
        recorded, shape = building.tape.kept.pop()
        below = building.scratch.take(shape, g.dtype)
        gradients = self.gradients if building.parameter_gradients else ()
        building.add(recorded.backward(g, below, gradients), "activations")
        building.scratch.give_back(g)
        return below


class _Value:
    """The call that writes the outputs ``y`` [B, M] at ``x`` [B, N]."""

    def __init__(self, module: nn.Module, x: np.ndarray, y: np.ndarray) -> None:
        self._module = module
        self._x, self._y = torch.from_numpy(x), torch.from_numpy(y)

    @torch.no_grad()
    def __call__(self) -> None:
        self._y.copy_(self._module(self._x.clone()))  # the module may overwrite its input


class _Recorded:
    """A forward pass that autograd records, and its backward pass."""

    def __init__(self, module: nn.Module, x: np.ndarray, y: np.ndarray) -> None:
        self._module = module
        self._x, self._y = torch.from_numpy(x), torch.from_numpy(y)
        self._input = self._output = self._y  # tensors without a graph, until the first forward pass

    @torch.enable_grad()
    def forward(self) -> None:
        """Write the outputs."""
        self._input = self._x.clone().requires_grad_()
        self._output = self._module(self._input.clone())
        self._y.copy_(self._output.detach())

    def backward(self, g: np.ndarray, below: np.ndarray, gradients: tuple[np.ndarray, ...]) -> _Backward:
        """Return the call that writes the gradients; arguments as of `_Backward`."""
        return _Backward(self, self._module, g, below, gradients)

    def differentiate(
        self, g: torch.Tensor, parameters: list[nn.Parameter]
    ) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients by the input and by parameters, None where there is none; the record ends."""
        output, self._output = self._output, self._y  # lets go of the graph
        if not output.requires_grad:
            return (None,) * (1 + len(parameters))
        return torch.autograd.grad(output, [self._input, *parameters], g, allow_unused=True)


class _Backward:
    """The call that writes the gradients by the input and by the parameters.

    Args:
        recorded: The forward pass.
        module: Its module.
        g: Gradient by the outputs, [B, M].
        below: Gradient by the inputs, [B, N], written.
        gradients: Gradients by the parameters, written; empty if they are not wanted.
    """

    def __init__(
        self,
        recorded: _Recorded,
        module: nn.Module,
        g: np.ndarray,
        below: np.ndarray,
        gradients: tuple[np.ndarray, ...],
    ) -> None:
        self._recorded = recorded
        self._parameters = list(module.parameters()) if gradients else []
        self._g = torch.from_numpy(g)
        self._written = [torch.from_numpy(array) for array in (below, *gradients)]

    def __call__(self) -> None:
        computed = self._recorded.differentiate(self._g, self._parameters)
        for array, gradient in zip(self._written, computed, strict=True):
            if gradient is None:
                array.zero_()
            else:
                array.copy_(gradient)


def why_not_through_autograd(module: nn.Module, width: int, threads: int) -> str | None:
    """Return why an update by hand cannot contain this module, or None if it can.

    The module is tried on a few random rows, and everything is as before afterwards.

    Args:
        module: A module of a user, or of the catalogue.
        width: N.
        threads: How many threads share a minibatch.
    """
    is_random = any(isinstance(part, Stochastic) for part in module.modules())
    if is_random and threads > 1:
        return f"{module} draws random numbers, in an order that would change with several threads"
    parameter = next(module.parameters(), torch.empty(0))
    x = torch.randn(_ROWS, width, generator=torch.Generator().manual_seed(0), dtype=parameter.dtype)
    x.requires_grad_()
    with _unchanged(module) as buffers, torch.enable_grad():
        before = torch.get_rng_state()
        try:
            y = module(x.clone())
            expected = (_ROWS, output_width(module, width))
            half = module(x[: _ROWS // 2].clone())
        except Exception as error:
            return f"{module} raises {one_line(error)}"
        if not torch.equal(torch.get_rng_state(), before) and not is_random:
            return f"{module} draws from PyTorch's global generator"
        if any(not torch.equal(buffer, copy) for buffer, copy in buffers):
            return f"{module} changes its buffers"
        if not isinstance(y, torch.Tensor) or y.shape != expected or y.dtype != x.dtype:
            return f"the output of {module} is not a tensor of shape {expected} and the input's dtype"
        if threads > 1 and not torch.allclose(y[: _ROWS // 2], half, equal_nan=True):
            return f"{module} mixes the rows of a minibatch, which several threads share"
        if unused := _without_gradient(module, x, y):
            return f"the output of {module} has no gradient by its {unused[0]}"
    return None


def _without_gradient(module: nn.Module, x: torch.Tensor, y: torch.Tensor) -> list[str]:
    """Return what gets no gradient, so that PyTorch's Adam would leave it alone: the input, parameters."""
    named = {"input": x, **{f"parameter {name}": p for name, p in module.named_parameters()}}
    if not y.requires_grad:
        return list(named)
    gradients = torch.autograd.grad(y.sum(), list(named.values()), allow_unused=True)
    return [name for name, gradient in zip(named, gradients, strict=True) if gradient is None]


@contextmanager
def _unchanged(module: nn.Module) -> Iterator[list[tuple[torch.Tensor, torch.Tensor]]]:
    """Set a module to training mode; afterwards restore mode, buffers and random generators.

    Yields:
        Each buffer and a copy of it.
    """
    modes = [(part, part.training) for part in module.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in module.buffers()]
    own = [part.generator for part in module.modules() if isinstance(part, Stochastic)]
    states = [(generator, generator.get_state()) for generator in own if generator is not None]
    try:
        with torch.random.fork_rng(devices=()):
            module.train()
            yield buffers
    finally:
        for part, mode in modes:
            part.training = mode
        for buffer, copy in buffers:
            buffer.copy_(copy)
        for generator, state in states:
            generator.set_state(state)
