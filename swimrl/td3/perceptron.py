"""Forward and backward passes of a perceptron by hand, on preallocated memory.

A pass is a program: a list of calls whose arrays are already bound, run in order. Nothing is allocated and no
graph is built while it runs.

Letters in shapes: B batch, I inputs of a layer, O outputs of a layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from torch import nn

from swimrl.activations import Activation, activation
from swimrl.activations.backends.cpu import CpuKernel, multiply_by_slope
from swimrl.td3 import kernels
from swimrl.td3.products import BindProduct

Call = Callable[[], object]
Program = list[Call]


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


@dataclass
class Tape:
    """What a forward pass leaves for the backward pass."""

    inputs: list[np.ndarray] = field(default_factory=list)
    """Input of each layer, [B, I]."""

    slopes: list[np.ndarray] = field(default_factory=list)
    """df/dz of each hidden layer, [B, O]."""

    theta_slopes: list[np.ndarray] = field(default_factory=list)
    """df/dtheta of each hidden layer, [P, B, O]."""


def forward(
    layers: Sequence[Layer],
    x: np.ndarray,
    out: np.ndarray,
    product: BindProduct,
    tape: Tape | None = None,
) -> Program:
    """Return the program that writes the perceptron's output at ``x`` [B, I] into ``out`` [B, O].

    Args:
        layers: The layers, from the input's side.
        x: The input; read whenever the program runs.
        out: The output, before any tanh.
        product: Binds each product to what computes it.
        tape: Filled with what `backward` needs, if one will follow.
    """
    program: Program = []
    for layer in layers:
        if tape is not None:
            tape.inputs.append(x)
        if layer.kernel is None:
            program.append(product(x, layer.weight.T, out))
            program.append(partial(np.add, out, layer.bias, out))
            break
        z = np.empty((len(x), len(layer.bias)), x.dtype)
        program.append(product(x, layer.weight.T, z))
        if tape is None:
            program.append(layer.kernel.bind_value(z, layer.bias, layer.theta))
        else:
            slope = np.empty_like(z)
            theta_slope = np.empty((layer.kernel.parameters, *z.shape), z.dtype)
            tape.slopes.append(slope)
            tape.theta_slopes.append(theta_slope)
            program.append(layer.kernel.bind_value_and_slopes(z, layer.bias, layer.theta, slope, theta_slope))
        x = z
    return program


def has_kernel(activation: nn.Module) -> bool:
    """Return whether an activation is a formula that shares no learned parameters with other layers."""
    return isinstance(activation, Activation) and activation.spec.why_no_kernel is None


def tanh_in_place(z: np.ndarray) -> Call:
    """Return the call that replaces ``z`` [B, A] by its tanh, which bounds the actor's actions."""
    tanh = activation("tanh")
    assert isinstance(tanh, Activation)
    return CpuKernel(tanh, z.dtype).bind_value(z, np.zeros(z.shape[1], z.dtype), None)


def backward(
    layers: Sequence[Layer],
    tape: Tape,
    g: np.ndarray,
    product: BindProduct,
    *,
    parameter_gradients: bool = True,
    input_gradient: np.ndarray | None = None,
    input_columns: slice = slice(None),
) -> Program:
    """Return the program that carries the gradient ``g`` [B, O] by the output back through the perceptron.

    Args:
        layers: The layers, as given to `forward`.
        tape: What `forward` left.
        g: Gradient by the output, before any tanh; read whenever the program runs.
        product: Binds each product to what computes it.
        parameter_gradients: Whether to write each layer's gradients; without them only the input's
            gradient is computed, as the actor's update needs it of the critic.
        input_gradient: Where to write the gradient by the columns ``input_columns`` of the input, if wanted.
        input_columns: Which columns of the input.
    """
    program: Program = []
    for number in reversed(range(len(layers))):
        layer, x = layers[number], tape.inputs[number]
        if parameter_gradients:
            assert layer.weight_gradient is not None
            assert layer.bias_gradient is not None
            program.append(product(g.T, x, layer.weight_gradient))
            if layer.kernel is None:
                program.append(partial(kernels.column_sums, g, layer.bias_gradient))
        if number == 0:
            if input_gradient is not None:
                program.append(product(g, layer.weight[:, input_columns], input_gradient))
            break
        below = layers[number - 1]
        g_below = np.empty_like(x)
        if g.shape[1] == 1:
            program.append(partial(kernels.outer, g, layer.weight, g_below))
        else:
            program.append(product(g, layer.weight, g_below))
        program.append(
            multiply_by_slope(
                g_below,
                tape.slopes[number - 1],
                tape.theta_slopes[number - 1],
                below.bias_gradient if parameter_gradients else None,
                below.theta_gradient if parameter_gradients else None,
            )
        )
        g = g_below
    return program
