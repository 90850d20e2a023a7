"""An activation of the actor with a range penalty or noise (`swimrl.td3.robustness`).

Letters in shapes: B batch, N units.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from swimrl.td3.engine import kernels
from swimrl.td3.engine.nodes import Elementwise, OneOfMany, Vector
from swimrl.td3.engine.perceptron import Building, Node
from swimrl.td3.robustness import Robustness


@dataclass(frozen=True)
class RobustActivation:
    """An activation whose input is penalised, whose value is noisy, or both."""

    node: Elementwise | OneOfMany

    bias: Vector
    """What the activation adds to its input first."""

    robustness: Robustness

    noise: np.ndarray | None
    """[B, N], drawn before the update; None without noise."""

    size: int
    """Number of inputs in the whole minibatch, of which this may be a part."""

    def forward(self, x: np.ndarray, building: Building, out: np.ndarray | None = None) -> np.ndarray:
        """Add the activation's steps at ``x`` [B, N], and the noise; see `Node.forward`."""
        assert building.tape is not None
        added, bias = self.robustness, self.bias.value
        if added.range_penalty:
            own = building.scratch.take(x.shape, x.dtype)
            factor = 2 * added.range_penalty / self.size
            bound = float(added.range_bound)
            building.add(partial(kernels.excess, x, bias, bound, factor, own), "activations")
        if self.noise is not None and added.noise_side == "negative":
            building.add(partial(kernels.keep_where_negative, x, bias, self.noise), "activations")
        x = self.node.forward(x, building, out)
        if self.noise is not None:
            building.add(partial(kernels.add, self.noise, x), "activations")
        if added.range_penalty:
            building.tape.kept.append((own,))
        return x

    def backward(self, g: np.ndarray, building: Building) -> np.ndarray:
        """Add the activation's steps, and the gradient of the penalty; see `Node.backward`."""
        assert building.tape is not None
        if not self.robustness.range_penalty:
            return self.node.backward(g, building)
        (own,) = building.tape.kept.pop()
        g = self.node.backward(g, building)
        building.add(partial(kernels.add, own, g), "activations")
        assert self.bias.gradient is not None
        building.add(partial(kernels.column_sums, g, self.bias.gradient), "activations")
        building.scratch.give_back(own)
        return g


def robust_nodes(
    nodes: Iterable[Node], robustness: Robustness, noises: Sequence[np.ndarray], batch_size: int
) -> list[Node]:
    """Return the nodes of an actor with additions to its activations.

    Args:
        nodes: An actor for which `why_not_robust` returns None.
        robustness: The additions.
        noises: Of each activation, from the input on, the array of its noise [B, N]; empty without noise.
        batch_size: Rows of the whole minibatch.
    """
    robust: list[Node] = []
    waiting = iter(noises)
    for node in nodes:
        if not isinstance(node, Elementwise | OneOfMany):
            robust.append(node)
            continue
        inner = node.node if isinstance(node, OneOfMany) else node
        assert isinstance(inner, Elementwise)
        size = batch_size * len(inner.bias.value)
        robust.append(RobustActivation(node, inner.bias, robustness, next(waiting, None), size))
    return robust
