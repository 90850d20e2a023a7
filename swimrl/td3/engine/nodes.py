"""The parts of a network, forwards and backwards: linear layers, layer norms, activations, residual blocks.

`nodes_of` makes them from PyTorch's modules. A linear layer does not add its bias where the next loop can do
it on the way, and neither does a layer norm add its shift.

Letters in shapes: B batch, I inputs of a layer, O outputs of a layer, N units, P parameters of an activation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import torch
from torch import nn

from swimrl.activations.cpu.kernel import CpuKernel, multiply_by_slope
from swimrl.activations.cpu.modules import ModuleKernel, kernel_of
from swimrl.activations.torch.activation import Activation
from swimrl.activations.torch.factory import output_width
from swimrl.td3.engine import kernels
from swimrl.td3.engine.autograd_node import AutogradNode
from swimrl.td3.engine.perceptron import Building, Node
from swimrl.td3.network import Residual, leaves


class Arrays(Protocol):
    """The arrays in which a network's parameters are stored."""

    def value(self, parameter: torch.Tensor) -> np.ndarray:
        """Return a parameter as an array of its shape."""

    def gradient(self, parameter: torch.Tensor) -> np.ndarray | None:
        """Return the array for its gradient; None where no backward pass writes gradients."""

    def together(self, parameters: Sequence[torch.Tensor]) -> tuple[np.ndarray, np.ndarray | None]:
        """Return parameters that follow each other, and their gradients, as flat arrays [P]."""


@dataclass(frozen=True)
class Vector:
    """A bias or a shift, with the array for its gradient."""

    value: np.ndarray
    """[O]."""

    gradient: np.ndarray | None = None


@dataclass(frozen=True)
class Linear:
    """A linear layer x W^T, with its bias unless the next node adds it."""

    weight: np.ndarray
    """[O, I]."""

    weight_gradient: np.ndarray | None = None

    bias: Vector | None = None
    """None where the next node adds it."""

    def forward(self, x: np.ndarray, building: Building, out: np.ndarray | None = None) -> np.ndarray:
        """Add the product of ``x`` [B, I]; see `Node.forward`."""
        z = building.scratch.take((len(x), len(self.weight)), x.dtype) if out is None else out
        building.add(building.product(x, self.weight.T, z), "products")
        if building.parameter_gradients:
            assert building.tape is not None
            building.tape.kept.append((x,))
        else:
            building.scratch.give_back(x)
        if self.bias is not None:
            building.add(partial(kernels.add_bias, z, self.bias.value))
        return z

    def backward(self, g: np.ndarray, building: Building) -> np.ndarray:
        """Add the products with ``g`` [B, O]; see `Node.backward`."""
        self._add_parameter_gradients(g, building)
        below = building.scratch.take((len(g), self.weight.shape[1]), g.dtype)
        if g.shape[1] == 1:
            building.add(partial(kernels.outer, g, self.weight, below), "products")
        else:
            building.add(building.product(g, self.weight, below), "products")
        building.scratch.give_back(g)
        return below

    def backward_first(
        self, g: np.ndarray, building: Building, input_gradient: np.ndarray | None, columns: slice
    ) -> None:
        """Add the products of the layer at the network's input; see `FirstNode.backward_first`."""
        self._add_parameter_gradients(g, building)
        if input_gradient is not None:
            building.add(building.product(g, self.weight[:, columns], input_gradient), "products")
        building.scratch.give_back(g)

    def _add_parameter_gradients(self, g: np.ndarray, building: Building) -> None:
        if not building.parameter_gradients:
            return
        assert building.tape is not None
        assert self.weight_gradient is not None
        (x,) = building.tape.kept.pop()
        building.add(building.product(g.T, x, self.weight_gradient), "products")
        if self.bias is not None:
            building.add(partial(kernels.column_sums, g, self.bias.gradient))
        building.scratch.give_back(x)


@dataclass(frozen=True)
class Norm:
    """Layer norm (Ba et al. 2016) with PyTorch's conventions: biased variance, epsilon under the root."""

    scale: Vector

    epsilon: float

    bias: Vector | None = None
    """Added to the input first: the bias of the linear layer before."""

    shift: Vector | None = None
    """None where the next node adds it."""

    def forward(self, x: np.ndarray, building: Building, out: np.ndarray | None = None) -> np.ndarray:
        """Add the loop that normalises the rows of ``x`` [B, N]; see `Node.forward`."""
        assert out is None
        y = building.scratch.take(x.shape, x.dtype)
        inverse = building.scratch.take((len(x),), x.dtype)
        bias, shift = (_values(vector, x.shape[1], x.dtype) for vector in (self.bias, self.shift))
        call = partial(kernels.normalise, x, bias, self.scale.value, shift, self.epsilon, inverse, y)
        building.add(call)
        if building.tape is None:
            building.scratch.give_back(x)
            building.scratch.give_back(inverse)
        else:
            building.tape.kept.append((x, inverse))
        return y

    def backward(self, g: np.ndarray, building: Building) -> np.ndarray:
        """Add the loop that replaces ``g`` [B, N]; see `Node.backward`."""
        assert building.tape is not None
        normal, inverse = building.tape.kept.pop()
        if building.parameter_gradients:
            unused = np.empty(g.shape[1], g.dtype)
            gradients = [
                unused if vector is None else vector.gradient
                for vector in (self.scale, self.shift, self.bias)
            ]
            call = partial(kernels.normalise_backward, g, normal, inverse, self.scale.value, *gradients)
        else:
            call = partial(kernels.normalise_input_gradient, g, normal, inverse, self.scale.value)
        building.add(call)
        building.scratch.give_back(normal)
        building.scratch.give_back(inverse)
        return g


@dataclass(frozen=True)
class Elementwise:
    """An activation that is a formula, behind a bias."""

    kernel: CpuKernel

    bias: Vector

    theta: np.ndarray | None = None
    """The trainable parameters, [P], or [P N] where each unit has its own; None if there are none."""

    theta_gradient: np.ndarray | None = None

    def forward(self, x: np.ndarray, building: Building, out: np.ndarray | None = None) -> np.ndarray:
        """Add the loop that replaces ``x`` [B, N] by f(x + bias); see `Node.forward`."""
        assert out is None
        if building.tape is None:
            call = self.kernel.bind_value(x, self.bias.value, self.theta)
        else:
            parameters = self.kernel.parameters if building.parameter_gradients else 0
            slope = building.scratch.take(x.shape, x.dtype)
            theta_slope = building.scratch.take((parameters, *x.shape), x.dtype)
            building.tape.kept.append((slope, theta_slope))
            call = self.kernel.bind_value_and_slopes(x, self.bias.value, self.theta, slope, theta_slope)
        building.add(call, "activations")
        return x

    def backward(self, g: np.ndarray, building: Building) -> np.ndarray:
        """Add the loop that multiplies ``g`` [B, N] by the slope; see `Node.backward`."""
        assert building.tape is not None
        slope, theta_slope = building.tape.kept.pop()
        wanted = building.parameter_gradients
        call = multiply_by_slope(
            g,
            slope,
            theta_slope,
            self.bias.gradient if wanted else None,
            self.theta_gradient if wanted else None,
        )
        building.add(call, "activations")
        building.scratch.give_back(slope)
        building.scratch.give_back(theta_slope)
        return g


@dataclass(frozen=True)
class Handwritten:
    """An activation that is a module with compiled loops; it may mix the units or change their number."""

    kernel: ModuleKernel

    module: nn.Module

    width: int
    """M, its number of outputs."""

    parameters: tuple[np.ndarray, ...] = ()

    gradients: tuple[np.ndarray, ...] = ()
    """Arrays for the parameters' gradients; empty where no backward pass writes them."""

    def forward(self, x: np.ndarray, building: Building, out: np.ndarray | None = None) -> np.ndarray:
        """Add the loop that computes the outputs at ``x`` [B, N]; see `Node.forward`."""
        assert out is None
        y = building.scratch.take((len(x), self.width), x.dtype)
        building.add(self.kernel.bind_value(self.module, x, y, self.parameters), "activations")
        if building.tape is None:
            building.scratch.give_back(x)
        else:
            building.tape.kept.append((x,))
        return y

    def backward(self, g: np.ndarray, building: Building) -> np.ndarray:
        """Add the loops of the gradients, from ``g`` [B, M]; see `Node.backward`."""
        assert building.tape is not None
        (x,) = building.tape.kept.pop()
        bind = self.kernel
        if self.parameters and building.parameter_gradients:
            call = bind.bind_parameter_gradients(self.module, x, g, self.parameters, self.gradients)
            building.add(call, "activations")
        below = building.scratch.take(x.shape, x.dtype)
        building.add(bind.bind_input_gradient(self.module, x, g, below, self.parameters), "activations")
        building.scratch.give_back(x)
        building.scratch.give_back(g)
        return below


@dataclass(frozen=True)
class Branch:
    """A residual block x + branch(x)."""

    nodes: tuple[Node, ...]

    def forward(self, x: np.ndarray, building: Building, out: np.ndarray | None = None) -> np.ndarray:
        """Add the branch's steps and the sum with ``x`` [B, N]; see `Node.forward`."""
        assert out is None
        y = _copy(x, building)
        for node in self.nodes:
            y = node.forward(y, building)
        building.add(partial(kernels.add, x, y))
        building.scratch.give_back(x)
        return y

    def backward(self, g: np.ndarray, building: Building) -> np.ndarray:
        """Add the branch's steps and the sum with ``g`` [B, N]; see `Node.backward`."""
        below = _copy(g, building)
        for node in reversed(self.nodes):
            below = node.backward(below, building)
        building.add(partial(kernels.add, g, below))
        building.scratch.give_back(g)
        return below


@dataclass(frozen=True)
class OneOfMany:
    """A use of an activation that several layers share (granularity ``network``).

    Each use writes the parameters' gradients into a row of its own. The use nearest to the input, which is
    the last one in the backward pass, adds the rows.
    """

    node: Node

    rows: np.ndarray | None
    """[uses, P]; None where no backward pass writes gradients."""

    sum: np.ndarray | None
    """[P] for the use nearest to the input; None for the others."""

    def forward(self, x: np.ndarray, building: Building, out: np.ndarray | None = None) -> np.ndarray:
        """Add the activation's steps; see `Node.forward`."""
        return self.node.forward(x, building, out)

    def backward(self, g: np.ndarray, building: Building) -> np.ndarray:
        """Add the activation's steps, and the sum of the rows if this is its last use."""
        g = self.node.backward(g, building)
        if self.sum is not None and building.parameter_gradients:
            building.add(partial(kernels.column_sums, self.rows, self.sum))
        return g


def has_kernel(activation: nn.Module) -> bool:
    """Return whether there are compiled loops for an activation: it is a formula or one of `KERNELS`."""
    if type(activation) is Activation:
        return activation.spec.why_no_kernel is None
    return kernel_of(activation) is not None


def calls_modules(network: nn.Sequential) -> bool:
    """Return whether a network has modules that an update calls themselves, through autograd."""
    layers = (nn.Linear, nn.LayerNorm, nn.Tanh)
    return any(not has_kernel(module) for module in leaves(network) if not isinstance(module, layers))


def nodes_of(network: nn.Sequential, arrays: Arrays) -> list[Node]:
    """Return the nodes of a network on given arrays, without the tanh at an actor's output.

    Args:
        network: A network for which `why_no_plain_network` returns None. Modules without compiled loops are
            called themselves, so their parameters must be views into the arrays.
        arrays: Where its parameters are.
    """
    modules = list(network)
    if isinstance(modules[-1], nn.Tanh):
        modules.pop()
    return _Maker(arrays, modules).make(modules)


class _Maker:
    """Makes the nodes of one network."""

    def __init__(self, arrays: Arrays, modules: Sequence[nn.Module]) -> None:
        self._arrays = arrays
        self._uses = Counter(id(module) for module in leaves(modules) if isinstance(module, Activation))
        self._rows: dict[int, np.ndarray | None] = {}
        self._made: Counter[int] = Counter()

    def make(self, modules: Iterable[nn.Module]) -> list[Node]:
        """Return the nodes of modules that follow each other."""
        modules = list(modules)
        nodes: list[Node] = []
        waiting: Vector | None = None  # what the node before leaves to the next one
        width = 0  # of the latest linear layer
        for module, following in zip(modules, [*modules[1:], None], strict=True):
            if isinstance(module, Residual):
                nodes.append(Branch(tuple(self.make(module))))
            elif isinstance(module, nn.Linear):
                bias = self._vector(module.bias)
                is_left = isinstance(following, nn.LayerNorm | Activation)
                weight, gradient = (f(module.weight) for f in (self._arrays.value, self._arrays.gradient))
                assert weight is not None
                nodes.append(Linear(weight, gradient, None if is_left else bias))
                waiting = bias if is_left else None
            elif isinstance(module, nn.LayerNorm):
                shift = self._vector(module.bias)
                is_left = isinstance(following, Activation)
                scale = self._vector(module.weight)
                nodes.append(Norm(scale, module.eps, waiting, None if is_left else shift))
                waiting = shift if is_left else None
            elif isinstance(module, Activation):
                assert waiting is not None
                nodes.append(self._elementwise(module, waiting))
                waiting = None
            else:
                nodes.append(self._handwritten(module, width))
            if isinstance(module, nn.Linear):
                width = module.out_features
        return nodes

    def _vector(self, parameter: torch.Tensor) -> Vector:
        return Vector(self._arrays.value(parameter), self._arrays.gradient(parameter))

    def _elementwise(self, module: Activation, bias: Vector) -> Node:
        kernel = CpuKernel(module.spec.settled, bias.value.dtype)
        parameters = list(module.parameters())
        if not parameters:
            return Elementwise(kernel, bias)
        theta, gradient = self._arrays.together(parameters)
        uses = self._uses[id(module)]
        if uses == 1:
            return Elementwise(kernel, bias, theta, gradient)
        if id(module) not in self._rows:
            self._rows[id(module)] = None if gradient is None else np.empty((uses, len(theta)), theta.dtype)
        rows, number = self._rows[id(module)], self._made[id(module)]
        self._made[id(module)] += 1
        row = None if rows is None else rows[number]
        return OneOfMany(Elementwise(kernel, bias, theta, row), rows, gradient if number == 0 else None)

    def _handwritten(self, module: nn.Module, width: int) -> Node:
        kernel = kernel_of(module)
        values = tuple(self._arrays.value(parameter) for parameter in module.parameters())
        gradients = [self._arrays.gradient(parameter) for parameter in module.parameters()]
        wanted = tuple(gradient for gradient in gradients if gradient is not None)
        outputs = output_width(module, width)
        if kernel is None:
            return AutogradNode(module, outputs, wanted)
        return Handwritten(kernel, module, outputs, values, wanted)


def _copy(x: np.ndarray, building: Building) -> np.ndarray:
    """Add the step that copies ``x``; return the copy's array."""
    copy = building.scratch.take(x.shape, x.dtype)
    building.add(partial(kernels.copy, x, copy))
    return copy


def _values(vector: Vector | None, size: int, dtype: np.dtype[np.floating]) -> np.ndarray:
    return np.zeros(size, dtype) if vector is None else vector.value
