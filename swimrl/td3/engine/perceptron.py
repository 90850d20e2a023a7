"""Forward and backward passes of a perceptron by hand, on preallocated memory.

A pass is a program: a list of steps, calls whose arrays are already bound, run in order. Nothing is allocated
and no graph is built while it runs. Passes that run one after another share their arrays (`Scratch`), so that
these stay in the processor's cache.

A network is a list of nodes (`nodes.py`), such as a linear layer, a layer norm or an activation. Each node
adds its own steps to a program, first forwards and then backwards.

Letters in shapes: B batch, I inputs of a network, O outputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from swimrl.activations import Activation, activation
from swimrl.activations.cpu.kernel import CpuKernel
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
    """Whether the backward pass writes the gradients of all parameters. Without them it computes only the
    gradient by the input, which is all that the actor's update needs from the critic."""

    kept: list[tuple[Any, ...]] = field(default_factory=list)
    """What each node keeps; the backward pass takes it from the end."""


@dataclass
class Building:
    """A program while it is built, and what its nodes need for that."""

    program: Program
    product: BindProduct
    scratch: Scratch
    tape: Tape | None = None
    """None for a pass that no backward pass follows."""

    @property
    def parameter_gradients(self) -> bool:
        """Whether the parameters' gradients are written by the backward pass."""
        return self.tape is not None and self.tape.parameter_gradients

    def add(self, call: Call, part: Part = "other") -> None:
        """Append a step to the program."""
        self.program.append(Step(call, part))


class Node(Protocol):
    """A part of a network that has a forward and a backward step.

    It owns the arrays that it is given: it may overwrite them, keep them on the tape, or give them back.
    """

    def forward(self, x: np.ndarray, building: Building, out: np.ndarray | None = None) -> np.ndarray:
        """Add the steps that compute the output at ``x`` [B, I]; return the output's array.

        The output is written into ``out`` if that is given, which the output layer alone accepts.
        """

    def backward(self, g: np.ndarray, building: Building) -> np.ndarray:
        """Add the steps from the gradient ``g`` by the output to that by the input; return the latter."""


class FirstNode(Node, Protocol):
    """A node at the input of a network, where the gradient by the input is seldom needed."""

    def backward_first(
        self, g: np.ndarray, building: Building, input_gradient: np.ndarray | None, columns: slice
    ) -> None:
        """Add the backward steps; write the gradient by ``columns`` of the input if an array is given."""


def forward(
    nodes: Sequence[Node],
    x: np.ndarray,
    out: np.ndarray,
    product: BindProduct,
    scratch: Scratch,
    tape: Tape | None = None,
) -> Program:
    """Return the program that writes the network's output at ``x`` [B, I] into ``out`` [B, O].

    Args:
        nodes: The network, from the input to the output layer.
        x: The input; the program reads it each time it runs.
        out: The output, before any tanh.
        product: Returns the call that computes a product.
        scratch: Provides the memory, and gets it back unless the tape keeps it.
        tape: Receives the arrays for `backward`, if it will follow.
    """
    building = Building([], product, scratch, tape)
    *hidden, output = nodes
    for node in hidden:
        x = node.forward(x, building)
    output.forward(x, building, out)
    return building.program


def tanh_in_place(z: np.ndarray) -> Step:
    """Return the step that replaces ``z`` [B, A] by its tanh, which bounds the actor's actions."""
    tanh = activation("tanh")
    assert isinstance(tanh, Activation)
    row = z.reshape(1, -1)  # a view: one long row fills vectors better than rows of a few actions
    assert np.shares_memory(row, z)
    no_bias = np.zeros(z.size, z.dtype)
    return Step(CpuKernel(tanh.spec.settled, z.dtype).bind_value(row, no_bias, None), "activations")


def backward(
    nodes: Sequence[Node],
    tape: Tape,
    g: np.ndarray,
    product: BindProduct,
    scratch: Scratch,
    *,
    input_gradient: np.ndarray | None = None,
    input_columns: slice = slice(None),
) -> Program:
    """Return the program that propagates the gradient ``g`` [B, O] by the output back through the network.

    Args:
        nodes: The network, as given to `forward`.
        tape: The arrays that `forward` kept; they go back to ``scratch``.
        g: Gradient by the output, before any tanh; the program reads it each time it runs.
        product: Returns the call that computes a product.
        scratch: As given to `forward`.
        input_gradient: Receives the gradient by the columns ``input_columns`` of the input, if given.
        input_columns: Which columns of the input.
    """
    building = Building([], product, scratch, tape)
    first, *others = nodes
    for node in reversed(others):
        g = node.backward(g, building)
    first.backward_first(g, building, input_gradient, input_columns)  # type: ignore[attr-defined]
    return building.program
