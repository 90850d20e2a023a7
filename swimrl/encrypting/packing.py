"""A network of one or two hidden layers as products and rotations of vectors with n slots.

Letters: n slots, m width (a power of two; narrower layers have units of zeros), S = n/m blocks,
R = min(S, m), K = m/R, A actions, P blocks of the input.

- Input: slot b m + j holds x_b, for every j. One product with the weights and a circular sum over b (steps
  m 2^i) give every unit: z_j at all slots that are j modulo m.
- Second hidden layer: slot R a + b of diagonal k holds W[a, (R a + b + R k) mod m]. K products with the
  input rotated by R k and a sum over b (steps 2^i) give z_a at slot R a. The slots between hold sums of
  parts of two rows; they go through the activation too.
- Output after two hidden layers: a product for each action, shifted by its number, and a circular sum over a.
  After one: action o has block o, one product, and a sum within the blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic

import numpy as np

from swimrl.encrypting.arithmetic import Arithmetic, Array, Number
from swimrl.encrypting.evaluation import evaluated
from swimrl.encrypting.network import Network

_FINE_SCALE = 2.0**36
"""From this scale on the noise of rotations is small beside it, so these may follow a rescaling."""


def width_of(network: Network) -> int:
    """Return m."""
    return 1 << (max(len(layer.bias) for layer in network.layers[:-1]) - 1).bit_length()


def fits(network: Network, slots: int) -> bool:
    """Return whether there are slots for the width and the actions."""
    m, actions = width_of(network), len(network.layers[-1].bias)
    if slots < m:
        return False
    return actions <= (slots // m if network.hidden == 1 else min(slots // m, m))


@dataclass(frozen=True)
class Packing:
    """A network with the places of its numbers.

    Args:
        network: The network; `fits` says whether it has a place.
        slots: n.
    """

    network: Network
    slots: int

    @cached_property
    def width(self) -> int:
        """Return m."""
        return width_of(self.network)

    @property
    def blocks(self) -> int:
        """Return S."""
        return self.slots // self.width

    @property
    def rows_together(self) -> int:
        """Return R."""
        return min(self.blocks, self.width)

    @property
    def actions(self) -> int:
        """Return A."""
        return len(self.network.layers[-1].bias)

    @property
    def input_blocks(self) -> int:
        """Return P, of one vector."""
        return min(self.blocks, 1 << (self.network.inputs - 1).bit_length())

    @property
    def vectors(self) -> int:
        """Return how many vectors an observation takes."""
        return -(-self.network.inputs // self.input_blocks)

    @cached_property
    def rotations(self) -> frozenset[int]:
        """Return the steps of all rotations, each of which needs a key."""
        m, r = self.width, self.rows_together
        steps = set(_doubling(m, self.input_blocks))
        if self.network.hidden == 1:
            return frozenset(steps | set(_doubling(1, m)))
        steps |= set(_doubling(1, r)) | set(_doubling(r, m)) | {r * k for k in range(1, m // r)}
        return frozenset(steps | {self.slots - o for o in range(1, self.actions)})

    def packed(self, observation: Array) -> list[Array]:
        """Return the vectors of an observation, [n] each."""
        return self._in_blocks(np.repeat(np.asarray(observation, float)[:, None], self.width, axis=1))

    def unpacked(self, slots: Array) -> Array:
        """Return the outputs, [A], from the slots of the last vector."""
        step = self.width if self.network.hidden == 1 else 1
        outputs: Array = np.asarray(slots)[np.arange(self.actions) * step]
        return outputs

    def output(
        self,
        arithmetic: Arithmetic[Number],
        vectors: Sequence[Number],
        scale: float,
        watch: Callable[[int, Number], None] | None = None,
    ) -> Number:
        """Return the vector with the outputs, from the vectors of an observation.

        Args:
            arithmetic: What computes.
            vectors: At the top level and ``scale``.
            scale: Of every vector between the layers.
            watch: Receives the number of each hidden layer, and the inputs of its activation.
        """
        one, program = self.network.gates[0], _Program(arithmetic, scale)
        z = program.sum_of_products(zip(vectors, self._first, strict=True))
        if scale >= _FINE_SCALE:  # rotations take less time at a lower level
            z = program.circular_sum(arithmetic.rescale(z, scale), self.width, self.input_blocks)
        else:
            z = arithmetic.rescale(program.circular_sum(z, self.width, self.input_blocks), scale)
        z = arithmetic.add_plain(z, self._first_bias)
        if watch is not None:
            watch(0, z)
        h = evaluated(arithmetic, z, one, scale)
        if self.network.hidden == 1:
            y = program.product(h, self._output[0])
            return program.closed(program.circular_sum(y, 1, self.width), self._output_bias)
        r = self.rows_together
        turned = (arithmetic.rotate(h, r * k) if k else h for k in range(self.width // r))
        z = program.sum_of_products(zip(turned, self._second, strict=True))
        z = program.closed(program.circular_sum(z, 1, r), self._second_bias)
        if self.network.is_masked:
            z = arithmetic.rescale(program.product(z, self._valid), scale)
        if watch is not None:
            watch(1, z)
        h = evaluated(arithmetic, z, self.network.gates[1], scale)
        parts = [
            arithmetic.rotate(product, -o) if o else product
            for o, product in enumerate(program.product(h, weights) for weights in self._output)
        ]
        return program.closed(program.circular_sum(program.sum(parts), r, self.width), self._output_bias)

    @cached_property
    def valid_slots(self) -> Array:
        """Return the slots, [n] of bool, that hold the second hidden layer; the others hold sums of parts."""
        valid = np.zeros(self.slots, bool)
        valid[np.arange(self.width) * self.rows_together] = True
        return valid

    def _in_blocks(self, rows: Array) -> list[Array]:
        """Return rows, [I, m], as vectors: row b in block b, and the whole again until a vector is full."""
        whole = np.zeros((self.vectors * self.input_blocks, self.width))
        whole[: len(rows), : rows.shape[1]] = rows
        groups = whole.reshape(self.vectors, self.input_blocks * self.width)
        return [np.tile(group, self.blocks // self.input_blocks) for group in groups]

    @cached_property
    def _first(self) -> list[Array]:
        return self._in_blocks(self.network.layers[0].weight.T)

    @cached_property
    def _first_bias(self) -> Array:
        bias = np.zeros(self.width)
        bias[: len(self.network.layers[0].bias)] = self.network.layers[0].bias
        return np.tile(bias, self.blocks)

    @cached_property
    def _valid(self) -> Array:
        return self.valid_slots.astype(float)

    @cached_property
    def _second(self) -> list[Array]:
        m, r = self.width, self.rows_together
        layer = self.network.layers[1]
        weight = np.zeros((m, m))
        weight[: layer.weight.shape[0], : layer.weight.shape[1]] = layer.weight
        slot = np.arange(m * r)
        diagonals = []
        for k in range(m // r):
            diagonal = np.zeros(self.slots)
            diagonal[: m * r] = weight[slot // r, (slot + r * k) % m]
            diagonals.append(diagonal)
        return diagonals

    @cached_property
    def _second_bias(self) -> Array:
        return self._spread(self.network.layers[1].bias)

    @cached_property
    def _output(self) -> list[Array]:
        weight = self.network.layers[-1].weight
        if self.network.hidden == 2:
            return [self._spread(row) for row in weight]
        blocks = np.zeros((self.blocks, self.width))
        blocks[: weight.shape[0], : weight.shape[1]] = weight
        return [blocks.ravel()]

    @cached_property
    def _output_bias(self) -> Array:
        bias = np.zeros(self.slots)
        bias[np.arange(self.actions) * (self.width if self.network.hidden == 1 else 1)] = self.network.layers[
            -1
        ].bias
        return bias

    def _spread(self, values: Array) -> Array:
        """Return value a at slot R a."""
        spread = np.zeros(self.slots)
        spread[np.arange(len(values)) * self.rows_together] = values
        return spread


class _Program(Generic[Number]):
    """The steps of a layer. Sums come before the rescaling, whose division makes their noise small."""

    def __init__(self, arithmetic: Arithmetic[Number], scale: float) -> None:
        self.arithmetic, self.scale = arithmetic, scale

    def product(self, x: Number, values: Array) -> Number:
        """Return x values at the scale that the next rescaling turns into ``scale``."""
        wide = self.scale * self.arithmetic.primes[self.arithmetic.level(x)]
        return self.arithmetic.multiply_plain(x, values, wide)

    def sum(self, parts: Sequence[Number]) -> Number:
        total, *others = parts
        for other in others:
            total = self.arithmetic.add(total, other)
        return total

    def sum_of_products(self, pairs: Iterable[tuple[Number, Array]]) -> Number:
        return self.sum([self.product(x, values) for x, values in pairs])

    def circular_sum(self, x: Number, step: int, count: int) -> Number:
        """Return the sum over x rotated by 0, step, ..., (count - 1) step; count is a power of two."""
        for steps in _doubling(step, count):
            x = self.arithmetic.add(x, self.arithmetic.rotate(x, steps))
        return x

    def closed(self, x: Number, bias: Array) -> Number:
        """Return x rescaled, with the bias."""
        return self.arithmetic.add_plain(self.arithmetic.rescale(x, self.scale), bias)


def _doubling(step: int, count: int) -> list[int]:
    return [step << i for i in range(count.bit_length() - 1)]
