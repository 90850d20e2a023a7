"""A trained policy as plain arrays: what every exported file is written from, and compared with.

Letters in shapes: B batch, O observation, A action, I inputs and N units of a layer.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import nn

from swimrl.activations import Activation, ActivationSpec, Formula
from swimrl.errors import InputError
from swimrl.runs.weights import CLIP, EPSILON, Normalisation
from swimrl.td3.network import Residual, hidden_activations, linear_layers
from swimrl.td3.policy import TD3Policy, perceptrons


@dataclass(frozen=True)
class LayerNorm:
    """The normalisation of a layer's pre-activations."""

    scale: np.ndarray
    """float32 [N]."""

    shift: np.ndarray
    """float32 [N]."""

    epsilon: float


@dataclass(frozen=True)
class Layer:
    """A linear layer, and what follows it."""

    weight: np.ndarray
    """float32 [N, I]."""

    bias: np.ndarray
    """float32 [N]."""

    norm: LayerNorm | None
    """Before the activation, if there is one."""

    activation: ActivationSpec | None
    """None for the output layer, whose activation is tanh."""

    parameters: dict[str, np.ndarray]
    """The activation's learned numbers by name, float32 [] or [N]."""

    @property
    def formula(self) -> Formula:
        """The activation with fixed parameters as numbers; its parameters are the learned ones."""
        assert self.activation is not None
        return self.activation.settled


@dataclass(frozen=True)
class Controller:
    """The deterministic policy, with everything between the environment's observation and its action."""

    layers: tuple[Layer, ...]
    """From the input; the last one is the output layer."""

    normalisation: Normalisation | None
    """Of the observations, if the run has it."""

    low: np.ndarray
    """The smallest actions, float32 [A]."""

    high: np.ndarray
    """The largest actions, float32 [A]."""

    perceptron: nn.Sequential
    """The actor's network in PyTorch, float32, with the final tanh."""

    @property
    def observation_size(self) -> int:
        """O."""
        return int(self.layers[0].weight.shape[1])

    @property
    def action_size(self) -> int:
        """A."""
        return len(self.low)

    def mean_in_float32(self) -> tuple[np.ndarray, np.ndarray]:
        """Return two float32 arrays [O] whose sum is the mean of the observations.

        One is not enough where an observation hardly varies: its deviation can be 1e-5 of its mean, so that
        the rounding of the mean would become a difference of 1e-3.
        """
        assert self.normalisation is not None
        mean = self.normalisation.mean
        rounded = mean.astype(np.float32)
        return rounded, (mean - rounded).astype(np.float32)

    def constants(self) -> list[np.ndarray]:
        """Return every array that a file must hold."""
        arrays = [self.low, self.high]
        if self.normalisation is not None:
            arrays += [*self.mean_in_float32(), self.normalisation.var]
        for layer in self.layers:
            arrays += [layer.weight, layer.bias, *layer.parameters.values()]
            if layer.norm is not None:
                arrays += [layer.norm.scale, layer.norm.shift]
        return arrays

    def act(self, observations: np.ndarray, dtype: torch.dtype) -> np.ndarray:
        """Return the actions in the environment's units, float64 [B, A].

        Args:
            observations: As the environment gives them, [B, O].
            dtype: In which the network computes: float64 is the reference for every exported file.
        """
        x = np.asarray(observations, np.float64)
        if self.normalisation is not None:
            n = self.normalisation
            x = np.clip((x - n.mean) / np.sqrt(n.var + EPSILON), -CLIP, CLIP)
        network = _in_dtype(self.perceptron, dtype)
        with torch.no_grad():
            scaled = network(torch.from_numpy(x).to(dtype)).double().numpy()
        low, high = self.low.astype(np.float64), self.high.astype(np.float64)
        actions: np.ndarray = low + 0.5 * (scaled + 1.0) * (high - low)
        return actions


def _in_dtype(network: nn.Sequential, dtype: torch.dtype) -> nn.Sequential:
    return copy.deepcopy(network).to(dtype)


def controller_of(policy: TD3Policy, normalisation: Normalisation | None, source: Path | str) -> Controller:
    """Return the arrays of a policy.

    Args:
        policy: The policy.
        normalisation: How its observations are normalised.
        source: Where it is from, for messages.

    Raises:
        InputError: If a hidden activation is a module and no formula, or the actor has residual blocks; the
            message says which.
    """
    (perceptron,) = perceptrons(policy.actor)
    if any(isinstance(module, Residual) for module in perceptron):
        raise InputError(
            f"{source}: its network has residual blocks; only networks of plain layers, such as --net "
            "256x256, can be exported; load policy.zip with PyTorch instead"
        )
    norms = [module for module in perceptron if isinstance(module, nn.LayerNorm)]
    hidden: list[nn.Module | None] = [*hidden_activations(perceptron), None]
    layers = []
    for number, (linear, activation) in enumerate(zip(linear_layers(perceptron), hidden, strict=True)):
        if not (activation is None or isinstance(activation, Activation)):
            raise InputError(
                f"{source}: {activation} in hidden layer {number + 1} is a module and no formula; only "
                "formulas can be exported; load policy.zip with PyTorch instead"
            )
        norm = norms[number] if activation is not None and norms else None
        layers.append(_layer(linear, norm, activation))
    box = policy.action_space
    assert isinstance(box, spaces.Box)
    return Controller(
        tuple(layers), normalisation, box.low.astype(np.float32), box.high.astype(np.float32), perceptron
    )


def _layer(linear: nn.Linear, norm: nn.LayerNorm | None, activation: Activation | None) -> Layer:
    return Layer(
        _array(linear.weight),
        _array(linear.bias),
        None if norm is None else LayerNorm(_array(norm.weight), _array(norm.bias), norm.eps),
        None if activation is None else activation.spec,
        {} if activation is None else {name: _array(value) for name, value in activation.named_parameters()},
    )


def _array(tensor: Any) -> np.ndarray:
    array: np.ndarray = tensor.detach().cpu().numpy().astype(np.float32)
    return array
