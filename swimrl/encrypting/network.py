"""A polynomial policy as layers for encrypted inputs: each activation gets numbers in [-1, 1].

Constants are folded into the weights beside them, so they cost no level. Letters in shapes: O observation,
A action, N units and I inputs of a layer.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from swimrl.encrypting.arithmetic import Array
from swimrl.encrypting.evaluation import LINE, SQUARE, depth_of
from swimrl.polynomials.series import Series

MOST_HIDDEN = 2
"""The packing has places for this many hidden layers."""


@dataclass(frozen=True)
class Linear:
    """A linear layer.

    Args:
        weight: [N, I].
        bias: [N].
    """

    weight: Array
    bias: Array


@dataclass(frozen=True)
class Network:
    """The layers of a policy, from the normalised observation to the divided output before tanh.

    Args:
        layers: One more than there are gates.
        gates: The activation of each hidden layer, in t = z/bound: a series with bound 1.
        is_masked: Whether the slots between the units of the second hidden layer are set to 0, which costs
            a level.
    """

    layers: tuple[Linear, ...]
    gates: tuple[Series, ...]
    is_masked: bool = False

    @property
    def hidden(self) -> int:
        """The number of hidden layers."""
        return len(self.gates)

    @property
    def inputs(self) -> int:
        """O."""
        return int(self.layers[0].weight.shape[1])

    @property
    def levels(self) -> int:
        """Rescalings from the input to the output: one for each layer and mask, and those of the gates."""
        return len(self.layers) + sum(map(depth_of, self.gates)) + self.is_masked

    def __call__(self, observations: Array) -> tuple[Array, list[Array]]:
        """Return the outputs [M, A] of observations [M, O], and the inputs of each gate, [M, N]."""
        x, seen = observations, []
        for layer, gate in zip(self.layers[:-1], self.gates, strict=True):
            t = x @ layer.weight.T + layer.bias
            seen.append(t)
            x = gate(t)
        return x @ self.layers[-1].weight.T + self.layers[-1].bias, seen

    def to_bytes(self) -> bytes:
        """Return the network as an .npz file; `from_bytes` reads it and unpickles nothing."""
        arrays = {"is_masked": np.asarray(self.is_masked)}
        for number, layer in enumerate(self.layers):
            arrays |= {f"weight{number}": layer.weight, f"bias{number}": layer.bias}
        for number, gate in enumerate(self.gates):
            arrays[f"gate{number}"] = np.asarray(gate.coefficients)
        file = io.BytesIO()
        np.savez(file, **arrays)  # type: ignore[arg-type]  # the name of an option is taken for an array's
        return file.getvalue()

    @staticmethod
    def from_bytes(content: bytes) -> Network:
        """Return the network that `to_bytes` wrote."""
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            count = sum(name.startswith("weight") for name in arrays.files)
            return Network(
                tuple(Linear(arrays[f"weight{n}"], arrays[f"bias{n}"]) for n in range(count)),
                tuple(Series(tuple(arrays[f"gate{n}"].tolist()), 1.0) for n in range(count - 1)),
                bool(arrays["is_masked"]),
            )


@dataclass(frozen=True)
class Gate:
    """An activation f on [-bound, bound] as f(z) = gain g((z + shift)/bound) + offset.

    Args:
        series: g, with bound 1.
        shift: Added to the input.
        bound: Divides it.
        gain: Multiplies the value.
        offset: Added to it.
    """

    series: Series
    shift: float
    bound: float
    gain: float
    offset: float


def gate_of(function: Callable[[Array], Array], degree: int, z: Array, margin: float) -> Gate:
    """Return a polynomial activation in the form that costs least.

    a z^2 + b z + c = a (z + b/(2a))^2 + c - b^2/(4a) is one square; its constants go into the layers beside
    it.

    Args:
        function: The activation: a polynomial.
        degree: Its degree.
        z: Its inputs, of any shape.
        margin: The bound is this multiple of the largest ``abs(z + shift)``.
    """
    reach = margin * max(float(np.abs(z).max()), 1e-3)
    c = _chebyshev(function, degree, reach)
    while len(c) > 1 and c[-1] == 0:
        c.pop()
    if len(c) <= 2:
        slope = c[1] if len(c) == 2 else 0.0
        return Gate(LINE, 0.0, reach, slope, c[0])
    if len(c) > 3:
        return Gate(Series(tuple(c), 1.0), 0.0, reach, 1.0, 0.0)
    a, b, constant = 2 * c[2] / reach**2, c[1] / reach, c[0] - c[2]
    shift = b / (2 * a)
    bound = margin * max(float(np.abs(z + shift).max()), 1e-3)
    return Gate(SQUARE, shift, bound, a * bound**2, constant - b * b / (4 * a))


def _chebyshev(function: Callable[[Array], Array], degree: int, bound: float) -> list[float]:
    """Return the coefficients of a polynomial in x/bound; those that are rounding errors become 0."""
    points = np.polynomial.chebyshev.chebpts1(degree + 1)
    vander = np.polynomial.chebyshev.chebvander(points, degree)
    coefficients = np.linalg.solve(vander, function(bound * points))
    coefficients[np.abs(coefficients) < 1e-12 * np.abs(coefficients).max()] = 0.0
    return [float(c) for c in coefficients]


def folded(layers: Sequence[Linear], gates: Sequence[Gate], output_bound: float) -> Network:
    """Return the network whose gates take numbers in [-1, 1], with its outputs divided by ``output_bound``.

    Args:
        layers: As they were trained.
        gates: The activations between them.
        output_bound: Larger than every output, so that the last modulus has room for it.
    """
    gain, offset, result = 1.0, 0.0, []
    for layer, gate in zip(layers, [*gates, None], strict=True):
        weight, bias = layer.weight * gain, layer.bias + offset * layer.weight.sum(axis=1)
        if gate is None:
            result.append(Linear(weight / output_bound, bias / output_bound))
        else:
            result.append(Linear(weight / gate.bound, (bias + gate.shift) / gate.bound))
            gain, offset = gate.gain, gate.offset
    return Network(tuple(result), tuple(gate.series for gate in gates))


def masked(network: Network) -> Network:
    """Return the network with the slots between the units set to 0."""
    return replace(network, is_masked=True)
