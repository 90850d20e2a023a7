"""The actor's forward pass without PyTorch, for one step of one or a few environments.

At this size the calls themselves take longer than the arithmetic: 100 us in PyTorch, 10 us here.

Letters in shapes: E environments, O observation, A action.
"""

from __future__ import annotations

from functools import partial
from typing import Any, TypeGuard

import numpy as np
import torch
from gymnasium import spaces
from torch import nn

from swimrl.activations import Activation, activation
from swimrl.activations.cpu.kernel import CpuKernel, why_unavailable
from swimrl.td3.engine.kernels import compiled
from swimrl.td3.engine.perceptron import Call
from swimrl.td3.engine.requirements import why_hooked, why_no_plain_network
from swimrl.td3.engine.watch import ModuleWatch, replaced_methods
from swimrl.td3.network import hidden_activations, linear_layers
from swimrl.td3.policy import TD3Policy, perceptrons
from swimrl.td3.threads import product_threads


class FastActor:
    """The deterministic policy on preallocated memory; it reads the actor's own weights.

    Args:
        policy: A policy for which `can_act` returns True.
        size: E, the number of observations in each call.
        by_row: Whether each action has the bits of a call with its observation alone. A matrix product of all
            observations rounds otherwise; at this size it takes as long.
    """

    def __init__(self, policy: TD3Policy, size: int, *, by_row: bool = False) -> None:
        (perceptron,) = perceptrons(policy.actor)
        self._policy = policy
        self._actor = policy.actor
        self._watch = ModuleWatch(policy.actor)
        self._parameters = list(policy.actor.parameters())
        self._kept = [p.data for p in self._parameters]  # so that no other tensor can get their addresses
        self._addresses = [p.data_ptr() for p in self._kept]
        box = policy.action_space
        assert isinstance(box, spaces.Box)
        self._low, self._width = box.low, box.high - box.low
        self._observations, self._actions, self._program = _bind(perceptron, size, by_row=by_row)

    def __call__(self, observations: np.ndarray) -> np.ndarray:
        """Return the actions [E, A] in [-1, 1] at ``observations`` [E, O], in an array of their own."""
        self._run(observations)
        return self._actions.copy()

    def explore(
        self, observations: np.ndarray, mean: np.ndarray, deviation: np.ndarray, draws: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Act with Gaussian noise.

        Args:
            observations: [E, O].
            mean: Mean of the noise, [A] or [E, A].
            deviation: Its standard deviation, of the same shape.
            draws: Standard normal numbers, of the same shape.

        Returns:
            The actions [E, A] in the environment's units, and in [-1, 1].
        """
        self._run(observations)
        actions: tuple[np.ndarray, np.ndarray] = _add_noise(
            self._actions, mean, deviation, draws, self._low, self._width
        )
        return actions

    def _run(self, observations: np.ndarray) -> None:
        self._observations[:] = observations
        # Training reports a policy that diverges and overflows here.
        with np.errstate(all="ignore"), product_threads(1):
            for call in self._program:
                call()

    def intact(self) -> bool:
        """Return whether it still computes the actor's actions.

        Loading and saving can move the weights; a user can change the actor's modules or watch them by hooks.
        """
        return (
            self._policy.actor is self._actor
            and [*map(torch.Tensor.data_ptr, self._parameters)] == self._addresses
            and self._watch.is_unchanged()
        )


def can_act(policy: nn.Module) -> TypeGuard[TD3Policy]:
    """Return whether `FastActor` can replace this policy's actor."""
    return (
        isinstance(policy, TD3Policy)
        and are_vectors(policy.observation_space, policy.action_space)  # the policy converts others first
        and why_unavailable() is None
        and policy.device.type == "cpu"
        and not policy.layer_norm
        and why_no_plain_network(policy.actor) is None
        and why_hooked(policy.actor) is None
        and not replaced_methods(policy)
    )


def are_vectors(*given: spaces.Space[Any]) -> bool:
    """Return whether each space holds vectors of numbers."""
    return all(isinstance(space, spaces.Box) and len(space.shape) == 1 for space in given)


def _bind(perceptron: nn.Sequential, size: int, *, by_row: bool) -> tuple[np.ndarray, np.ndarray, list[Call]]:
    """Return input [E, I], output [E, A] and the calls that compute the output, the last one a tanh."""
    linears = linear_layers(perceptron)
    dtype = linears[0].weight.detach().numpy().dtype
    inputs = x = np.zeros((size, linears[0].in_features), dtype)
    program: list[Call] = []
    for linear, f in zip(linears, [*hidden_activations(perceptron), activation("tanh")], strict=True):
        assert isinstance(f, Activation)
        weight, bias = linear.weight.detach().numpy(), linear.bias.detach().numpy()
        z = np.zeros((size, len(bias)), dtype)
        parameters = [parameter.detach().numpy().reshape(-1) for parameter in f.parameters()]
        theta = np.zeros(sum(parameter.size for parameter in parameters), dtype)
        if parameters:  # the kernel expects one array
            program.append(partial(np.concatenate, parameters, out=theta))
        # At this size memory limits every library; this call has the least overhead.
        rows = [slice(row, row + 1) for row in range(size)] if by_row else [slice(None)]
        program += [partial(np.dot, x[row], weight.T, z[row]) for row in rows]
        program.append(CpuKernel(f.spec.settled, dtype).bind_value(z, bias, theta))
        x = z
    return inputs, x, program


@compiled(contract=False)  # so that it rounds as NumPy does
def _add_noise(
    actions: np.ndarray,
    mean: np.ndarray,
    deviation: np.ndarray,
    draws: np.ndarray,
    low: np.ndarray,
    width: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the actions [E, A] with noise, clipped: in the environment's box, and in [-1, 1]."""
    one, half = actions.dtype.type(1), actions.dtype.type(0.5)
    noise = (mean + deviation * draws).astype(np.float32)  # as NormalActionNoise rounds it
    scaled = np.maximum(np.minimum(actions + noise, one), -one)
    return low + half * (scaled + one) * width, scaled
