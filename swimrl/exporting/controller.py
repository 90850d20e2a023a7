"""A trained policy as plain arrays: what every exported file is written from, and compared with.

Letters in shapes: B batch, O observation, A action, I inputs and N units of a layer.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable
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
from swimrl.td3.network import Residual
from swimrl.td3.policy import TD3Policy, perceptrons


@dataclass(frozen=True)
class LayerNorm:
    """A layer norm."""

    scale: np.ndarray
    """float32 [N]."""

    shift: np.ndarray
    """float32 [N]."""

    epsilon: float


@dataclass(frozen=True)
class Layer:
    """A linear layer, and what stands around it."""

    input_norm: LayerNorm | None
    """Before the layer, if there is one."""

    weight: np.ndarray
    """float32 [N, I]."""

    bias: np.ndarray
    """float32 [N]."""

    norm: LayerNorm | None
    """Behind the layer, before the activation, if there is one."""

    activation: ActivationSpec | None
    """None for a layer without, such as the output layer and the last layer of a residual block."""

    parameters: dict[str, np.ndarray]
    """The activation's learned numbers by name, float32 [] or [N]."""

    begins_block: bool = False
    """Whether a residual block begins before the layer and its norm."""

    ends_block: bool = False
    """Whether the input of the residual block is added behind the layer."""

    @property
    def formula(self) -> Formula:
        """The activation with fixed parameters as numbers; its parameters are the learned ones."""
        assert self.activation is not None
        return self.activation.settled


@dataclass(frozen=True)
class Controller:
    """The deterministic policy, with everything between the environment's observation and its action."""

    layers: tuple[Layer, ...]
    """From the input; the last one is the output layer, behind which stands the final tanh."""

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
            for norm in filter(None, (layer.input_norm, layer.norm)):
                arrays += [norm.scale, norm.shift]
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
        InputError: If a hidden activation is a module and no formula; the message says which.
    """
    (perceptron,) = perceptrons(policy.actor)
    *hidden, squash = perceptron
    assert isinstance(squash, nn.Tanh)
    box = policy.action_space
    assert isinstance(box, spaces.Box)
    return Controller(
        tuple(_layers(hidden, source)),
        normalisation,
        box.low.astype(np.float32),
        box.high.astype(np.float32),
        perceptron,
    )


def _layers(modules: Iterable[nn.Module], source: Path | str) -> list[Layer]:
    """Return the layers of modules one after the other, those inside of residual blocks in their place."""
    layers: list[Layer] = []
    input_norm: LayerNorm | None = None
    for module in modules:
        if isinstance(module, Residual):
            block = _layers(module, source)
            block[0] = dataclasses.replace(block[0], begins_block=True)
            block[-1] = dataclasses.replace(block[-1], ends_block=True)
            layers += block
        elif isinstance(module, nn.Linear):
            layers.append(Layer(input_norm, _array(module.weight), _array(module.bias), None, None, {}))
            input_norm = None
        elif isinstance(module, nn.LayerNorm):
            norm = LayerNorm(_array(module.weight), _array(module.bias), module.eps)
            if layers and layers[-1].activation is None and not layers[-1].ends_block:
                layers[-1] = dataclasses.replace(layers[-1], norm=norm)
            else:
                input_norm = norm
        elif isinstance(module, Activation):
            learned = {name: _array(value) for name, value in module.named_parameters()}
            layers[-1] = dataclasses.replace(layers[-1], activation=module.spec, parameters=learned)
        else:
            raise InputError(
                f"{source}: {module} is a module and no formula; only formulas can be exported; load "
                "policy.zip with PyTorch instead"
            )
    return layers


def _array(tensor: Any) -> np.ndarray:
    array: np.ndarray = tensor.detach().cpu().numpy().astype(np.float32)
    return array
