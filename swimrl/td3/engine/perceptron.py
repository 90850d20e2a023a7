"""Forward and backward passes of a perceptron by hand, on preallocated memory.

A pass is a program: a list of steps, calls whose arrays are already bound, run in order. Nothing is allocated
and no graph is built while it runs. Passes that run one after another share their arrays (`Scratch`), so that
these stay in the processor's cache.

Letters in shapes: B batch, I inputs of a layer, O outputs of a layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
from torch import nn

from swimrl.activations import Activation, activation
from swimrl.activations.cpu.kernel import CpuKernel, multiply_by_slope
from swimrl.td3.engine import kernels
from swimrl.td3.engine.products.planner import BindProduct

Call = Callable[[], object]
Part = Literal["sampling", "products", "activations", "optimiser", "other"]


class Step(NamedTuple):
    """One call of a program."""

    call: Call
    part: Part = "other"
    """The part of an update's time that it belongs to, for profilers. An activation's loop also adds the
    bias, and backwards sums the bias's gradient."""


Program = list[Step]

_CACHE_LINE = 64  # bytes


@dataclass(frozen=True)
class Layer:
    """A linear layer and, unless it is the output, the activation behind it."""

    weight: np.ndarray
    """[O, I]."""

    bias: np.ndarray
    """[O]."""

    kernel: CpuKernel | None = None
    """The activation; None for the output layer."""

    theta: np.ndarray | None = None
    """The activation's trainable parameters, [P], or [P O] where each unit has its own."""

    weight_gradient: np.ndarray | None = None
    bias_gradient: np.ndarray | None = None
    theta_gradient: np.ndarray | None = None


class Scratch:
    """Arrays that programs share.

    Programs are built in the order in which they run. While a program is built, it takes arrays and gives
    them back where it no longer needs them, and the next program gets the same arrays. So an update uses a
    few arrays over and over, and they stay in the processor's cache.
    """

    def __init__(self) -> None:
        self._free: dict[tuple[tuple[int, ...], np.dtype[Any]], list[np.ndarray]] = {}
        self._lent: dict[int, np.ndarray] = {}

    def take(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
        """Return an array with arbitrary content: the one that was given back last, if any has this shape."""
        free = self._free.setdefault((shape, dtype), [])
        array = free.pop() if free else _at_cache_line(shape, dtype)
        self._lent[id(array)] = array
        return array

    def give_back(self, array: np.ndarray) -> None:
        """Make ``array`` available again; an array that was not taken from here is ignored."""
        if self._lent.pop(id(array), None) is not None:
            self._free[array.shape, array.dtype].append(array)


def _at_cache_line(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """Return a new array that begins at a cache line, so that no vector register's load spans two lines."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + _CACHE_LINE, np.uint8)
    start = -memory.ctypes.data % _CACHE_LINE
    return memory[start : start + size].view(dtype).reshape(shape)


@dataclass
class Tape:
    """The arrays that a forward pass keeps for the backward pass."""

    parameter_gradients: bool = True
    """Whether the backward pass writes each layer's gradients. Without them it computes only the gradient by
    the input, which is all that the actor's update needs from the critic."""

    inputs: list[np.ndarray] = field(default_factory=list)
    """Input of each layer, [B, I]; empty without parameter gradients."""

    slopes: list[np.ndarray] = field(default_factory=list)
    """df/dz of each hidden layer, [B, O]."""

    theta_slopes: list[np.ndarray] = field(default_factory=list)
    """df/dtheta of each hidden layer, [P, B, O]; of no parameter without parameter gradients."""


def forward(
    layers: Sequence[Layer],
    x: np.ndarray,
    out: np.ndarray,
    product: BindProduct,
    scratch: Scratch,
    tape: Tape | None = None,
) -> Program:
    """Return the program that writes the perceptron's output at ``x`` [B, I] into ``out`` [B, O].

    Args:
        layers: The layers, the one at the input first.
        x: The input; the program reads it each time it runs.
        out: The output, before any tanh.
        product: Returns the call that computes a product.
        scratch: Provides the memory, and gets it back unless the tape keeps it.
        tape: Receives the arrays for `backward`, if it will follow.
    """
    program: Program = []
    for layer in layers:
        z = out if layer.kernel is None else scratch.take((len(x), len(layer.bias)), x.dtype)
        program.append(Step(product(x, layer.weight.T, z), "products"))
        if tape is not None and tape.parameter_gradients:
            tape.inputs.append(x)
        else:
            scratch.give_back(x)
        if layer.kernel is None:
            program.append(Step(partial(np.add, z, layer.bias, z)))
        elif tape is None:
            program.append(Step(layer.kernel.bind_value(z, layer.bias, layer.theta), "activations"))
        else:
            parameters = layer.kernel.parameters if tape.parameter_gradients else 0
            slope = scratch.take(z.shape, z.dtype)
            theta_slope = scratch.take((parameters, *z.shape), z.dtype)
            tape.slopes.append(slope)
            tape.theta_slopes.append(theta_slope)
            call = layer.kernel.bind_value_and_slopes(z, layer.bias, layer.theta, slope, theta_slope)
            program.append(Step(call, "activations"))
        x = z
    return program


def has_kernel(activation: nn.Module) -> bool:
    """Return whether an activation is a formula that shares no learned parameters with other layers."""
    return isinstance(activation, Activation) and activation.spec.why_no_kernel is None


def tanh_in_place(z: np.ndarray) -> Step:
    """Return the step that replaces ``z`` [B, A] by its tanh, which bounds the actor's actions."""
    tanh = activation("tanh")
    assert isinstance(tanh, Activation)
    no_bias = np.zeros(z.shape[1], z.dtype)
    return Step(CpuKernel(tanh.spec.settled, z.dtype).bind_value(z, no_bias, None), "activations")


def backward(
    layers: Sequence[Layer],
    tape: Tape,
    g: np.ndarray,
    product: BindProduct,
    scratch: Scratch,
    *,
    input_gradient: np.ndarray | None = None,
    input_columns: slice = slice(None),
) -> Program:
    """Return the program that propagates the gradient ``g`` [B, O] by the output back through the perceptron.

    Args:
        layers: The layers, as given to `forward`.
        tape: The arrays that `forward` kept; they go back to ``scratch``.
        g: Gradient by the output, before any tanh; the program reads it each time it runs.
        product: Returns the call that computes a product.
        scratch: As given to `forward`.
        input_gradient: Receives the gradient by the columns ``input_columns`` of the input, if given.
        input_columns: Which columns of the input.
    """
    program: Program = []
    for number in reversed(range(len(layers))):
        layer = layers[number]
        if tape.parameter_gradients:
            assert layer.weight_gradient is not None
            assert layer.bias_gradient is not None
            x = tape.inputs.pop()
            program.append(Step(product(g.T, x, layer.weight_gradient), "products"))
            if layer.kernel is None:
                program.append(Step(partial(kernels.column_sums, g, layer.bias_gradient)))
            scratch.give_back(x)
        if number == 0:
            if input_gradient is not None:
                call = product(g, layer.weight[:, input_columns], input_gradient)
                program.append(Step(call, "products"))
            scratch.give_back(g)
            break
        below = layers[number - 1]
        slope, theta_slope = tape.slopes.pop(), tape.theta_slopes.pop()
        g_below = scratch.take(slope.shape, slope.dtype)
        if g.shape[1] == 1:
            program.append(Step(partial(kernels.outer, g, layer.weight, g_below), "products"))
        else:
            program.append(Step(product(g, layer.weight, g_below), "products"))
        scratch.give_back(g)
        call = multiply_by_slope(
            g_below,
            slope,
            theta_slope,
            below.bias_gradient if tape.parameter_gradients else None,
            below.theta_gradient if tape.parameter_gradients else None,
        )
        program.append(Step(call, "activations"))
        scratch.give_back(slope)
        scratch.give_back(theta_slope)
        g = g_below
    return program
