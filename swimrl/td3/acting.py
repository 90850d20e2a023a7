"""The actor's forward pass without PyTorch, for one step of one or a few environments.

At this size the calls themselves cost more than the arithmetic: PyTorch needs 100 us for what takes 10 us
here.

Letters in shapes: E environments, O observation, A action.
"""

from __future__ import annotations

from functools import partial
from typing import TypeGuard

import numpy as np
import torch
from torch import nn

from swimrl.activations.backends.cpu import CpuKernel, why_unavailable
from swimrl.activations.module import Activation
from swimrl.td3.network import hidden_activations, linear_layers
from swimrl.td3.perceptron import Layer, Program, Scratch, forward, has_kernel, tanh_in_place
from swimrl.td3.policy import TD3Policy, perceptrons
from swimrl.td3.products import bind


class FastActor:
    """The deterministic policy on preallocated memory; it reads the actor's own weights.

    Args:
        policy: Its actor acts; see `can_act`.
        size: E, how many observations are given at once.
    """

    def __init__(self, policy: TD3Policy, size: int) -> None:
        (perceptron,) = perceptrons(policy.actor)
        self._parameters = list(policy.actor.parameters())
        self._kept = [p.data for p in self._parameters]  # so that nothing else can take their place in memory
        self._addresses = [p.data_ptr() for p in self._kept]
        layers, refresh = _layers(perceptron)
        dtype = layers[0].weight.dtype
        self._observations = np.zeros((size, layers[0].weight.shape[1]), dtype)
        z = np.empty((size, len(layers[-1].bias)), dtype)
        self._actions = z
        # NumPy's own product: at this size every library is limited by memory alone.
        self._program: Program = [
            *refresh,
            *forward(layers, self._observations, z, partial(bind, "numpy"), Scratch()),
            tanh_in_place(z),
        ]

    def __call__(self, observations: np.ndarray) -> np.ndarray:
        """Return the actions [E, A] in [-1, 1] at ``observations`` [E, O]; they are the caller's to keep."""
        self._observations[:] = observations
        with np.errstate(all="ignore"):  # a policy that diverges is told elsewhere
            for call in self._program:
                call()
        return self._actions.copy()

    def intact(self) -> bool:
        """Return whether the actor's weights still lie where they lay; loading and saving can move them."""
        return [*map(torch.Tensor.data_ptr, self._parameters)] == self._addresses


def can_act(policy: nn.Module) -> TypeGuard[TD3Policy]:
    """Return whether `FastActor` can stand in for this policy's actor."""
    return (
        isinstance(policy, TD3Policy)
        and why_unavailable() is None
        and policy.device.type == "cpu"
        and policy.has_plain_features
        and not policy.layer_norm
        and all(has_kernel(f) for f in hidden_activations(perceptrons(policy.actor)[0]))
    )


def _layers(perceptron: nn.Sequential) -> tuple[list[Layer], Program]:
    """Return the layers, and the calls that bring copies of trainable activation parameters up to date."""
    activations = hidden_activations(perceptron)
    layers: list[Layer] = []
    refresh: Program = []
    for linear, activation in zip(linear_layers(perceptron), [*activations, None], strict=True):
        weight, bias = linear.weight.detach().numpy(), linear.bias.detach().numpy()
        if activation is None:
            layers.append(Layer(weight, bias))
            continue
        assert isinstance(activation, Activation)
        kernel = CpuKernel(activation, weight.dtype)
        parameters = [parameter.detach().numpy().reshape(-1) for parameter in activation.parameters()]
        theta = np.zeros(sum(parameter.size for parameter in parameters), weight.dtype)
        if parameters:
            refresh.append(partial(np.concatenate, parameters, out=theta))
        layers.append(Layer(weight, bias, kernel, theta))
    return layers, refresh
