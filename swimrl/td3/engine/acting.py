"""The actor's forward pass without PyTorch, for one step of one or a few environments.

At this size the calls themselves take longer than the arithmetic: 100 us in PyTorch, 10 us here.

Letters in shapes: E environments, O observation, A action.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, TypeGuard

import numpy as np
import torch
from gymnasium import spaces
from torch import nn

from swimrl.activations.cpu.kernel import why_unavailable
from swimrl.td3.engine.kernels import compiled
from swimrl.td3.engine.nodes import nodes_of
from swimrl.td3.engine.perceptron import Call, Program, Scratch, Step, forward, tanh_in_place
from swimrl.td3.engine.products.planner import BindProduct
from swimrl.td3.engine.requirements import why_hooked, why_no_plain_network
from swimrl.td3.engine.watch import ModuleWatch, replaced_methods
from swimrl.td3.network import linear_layers
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
        product = _products_of_rows if by_row else product_of_all
        self._observations, self._actions, self._program = actor_program(perceptron, size, product)

    def __call__(self, observations: np.ndarray) -> np.ndarray:
        """Return the actions [E, A] in [-1, 1] at ``observations`` [E, O], in an array of their own."""
        with product_threads(1):
            self._run(observations)
        return self._actions.copy()

    def explore(
        self, observations: np.ndarray, mean: np.ndarray, deviation: np.ndarray, draws: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Act with Gaussian noise; called within ``product_threads(1)``.

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
        with np.errstate(all="ignore"):
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
        and why_no_plain_network(policy.actor) is None
        and why_hooked(policy.actor) is None
        and not replaced_methods(policy)
    )


def are_vectors(*given: spaces.Space[Any]) -> bool:
    """Return whether each space holds vectors of numbers."""
    return all(isinstance(space, spaces.Box) and len(space.shape) == 1 for space in given)


class _OwnArrays:
    """The tensors of a network itself, which need not lie side by side.

    Attributes:
        program: Puts the trainable parameters of each activation side by side, as its kernel expects them.
    """

    def __init__(self) -> None:
        self.program: Program = []

    def value(self, parameter: torch.Tensor) -> np.ndarray:
        """Return the tensor as an array of its shape, which shares its memory."""
        array: np.ndarray = parameter.detach().numpy()
        return array

    def gradient(self, parameter: torch.Tensor) -> None:
        """Return None."""

    def together(self, parameters: Sequence[torch.Tensor]) -> tuple[np.ndarray, None]:
        """Return an array that holds these parameters one after the other when the program has run."""
        parts = [self.value(parameter).reshape(-1) for parameter in parameters]
        theta = np.zeros(sum(part.size for part in parts), parts[0].dtype)
        self.program.append(Step(partial(np.concatenate, parts, out=theta)))
        return theta, None


def actor_program(
    perceptron: nn.Sequential, size: int, product: BindProduct
) -> tuple[np.ndarray, np.ndarray, list[Call]]:
    """Return input [E, I], output [E, A] and the calls that compute the output, the last one a tanh.

    Args:
        perceptron: The actor's network.
        size: E.
        product: Returns the call that multiplies a layer's input by its weights; asked once for each layer,
            from the first to the last.
    """
    *_, last = linears = linear_layers(perceptron)
    dtype = last.weight.detach().numpy().dtype
    inputs = np.zeros((size, linears[0].in_features), dtype)
    output = np.zeros((size, last.out_features), dtype)
    arrays = _OwnArrays()
    nodes = nodes_of(perceptron, arrays)
    passes = [*forward(nodes, inputs, output, product, Scratch()), tanh_in_place(output)]
    return inputs, output, [step.call for step in [*arrays.program, *passes]]


def product_of_all(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> Call:
    """Return the call of NumPy's product.

    At this size memory limits every library, and this call has the least overhead.
    """
    return partial(np.dot, a, b, out)


def _products_of_rows(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> Call:
    """Return the call that multiplies each row of ``a`` by itself."""
    rows = [slice(row, row + 1) for row in range(len(a))]
    return partial(_run_all, [product_of_all(a[row], b, out[row]) for row in rows])


def _run_all(calls: Sequence[Call]) -> None:
    for call in calls:
        call()


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
