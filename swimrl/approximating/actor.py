"""An actor as plain arrays, whose activations can be replaced and whose pre-activations can be watched.

Letters in shapes: M observations at once, O observation, A action, N units of a layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from swimrl.activations.language.spec import ActivationSpec
from swimrl.activations.numpy.function import numpy_function
from swimrl.errors import InputError
from swimrl.exporting.controller import Controller, Layer, controller_of
from swimrl.runs.weights import CLIP, EPSILON
from swimrl.training import Run

Array = np.ndarray[Any, np.dtype[np.float64]]
Function = Callable[[Array], Array]
"""From the pre-activations of a layer, [M, N], to its values, [M, N]."""

Watch = Callable[[int, Array], None]
"""Receives the number of a hidden layer and its pre-activations, [M, N]."""


@dataclass(frozen=True)
class Actor:
    """The actor of a run in float64.

    Args:
        controller: Its arrays.
        activations: Of each hidden layer, with learned parameters as they were learned.
        functions: The same as functions of arrays.
    """

    controller: Controller
    activations: tuple[ActivationSpec, ...]
    functions: tuple[Function, ...]

    @property
    def depth(self) -> int:
        """The number of hidden layers."""
        return len(self.functions)

    def act(self, observations: Array, functions: Sequence[Function], watch: Watch | None = None) -> Array:
        """Return the actions in the environment's units, [M, A]; NaN where the networks' numbers overflow.

        Args:
            observations: As the environment gives them, [M, O].
            functions: The activation of each hidden layer.
            watch: Receives the pre-activations of each hidden layer.
        """
        x = self.normalised(observations)
        *hidden, output = self.controller.layers
        with np.errstate(all="ignore"):  # far outside its range a polynomial overflows; the caller sees NaN
            for number, layer in enumerate(hidden):
                z = x @ layer.weight.T.astype(np.float64) + layer.bias
                if watch is not None:
                    watch(number, z)
                x = functions[number](z)
            squashed = np.tanh(x @ output.weight.T.astype(np.float64) + output.bias)
        return self.in_units(squashed)

    def normalised(self, observations: Array) -> Array:
        """Return the inputs of the first layer, [M, O]."""
        x = np.asarray(observations, np.float64)
        if (n := self.controller.normalisation) is None:
            return x
        clipped: Array = np.clip((x - n.mean) / np.sqrt(n.var + EPSILON), -CLIP, CLIP)
        return clipped

    def in_units(self, squashed: Array) -> Array:
        """Return actions in the environment's units from those in [-1, 1], [M, A]."""
        low, high = self.controller.low.astype(np.float64), self.controller.high.astype(np.float64)
        actions: Array = low + 0.5 * (squashed + 1.0) * (high - low)
        return actions


def actor_of(run: Run, *, best: bool = False) -> Actor:
    """Return the actor of a run.

    Raises:
        InputError: If the run has no policy yet, or the actor has layer norms, blocks, modules, or another
            function in each neuron.
    """
    controller = controller_of(*run.td3_policy(best=best), run.path)
    if any(layer.begins_block for layer in controller.layers):
        raise InputError(
            f"{run.path}: its network has residual blocks; polynomials can replace the activations of plain "
            "layers only; train with plain layers, such as --net 64x64"
        )
    if any(layer.norm is not None for layer in controller.layers):
        raise InputError(
            f"{run.path}: layer norm divides by a deviation, which no polynomial of a few products replaces; "
            "train a policy without --td3.layer-norm"
        )
    activations = tuple(_as_learned(layer, run.path) for layer in controller.layers[:-1])
    return Actor(controller, activations, tuple(map(numpy_function, activations)))


def _as_learned(layer: Layer, source: Path) -> ActivationSpec:
    """Return the activation of a layer with its learned numbers fixed."""
    spec = layer.activation
    assert spec is not None  # every layer but the last has one
    if any(value.size > 1 for value in layer.parameters.values()):
        raise InputError(
            f"{source}: {spec.canonical} learned another function in each neuron; only a function of a whole "
            "layer can be replaced; train with granularity=layer"
        )
    if any(value.is_bounded for value in spec.values):
        raise InputError(f"{source}: {spec.canonical} has bounded parameters; train without bounds")
    learned = {name: float(value) for name, value in layer.parameters.items()}
    values = tuple(
        replace(value, value=learned.get(value.name, value.value), trainable=False) for value in spec.values
    )
    return replace(spec, values=values)
