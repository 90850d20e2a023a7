"""What the tests of this room share: networks of any size, with activations as they would be trained."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from swimrl.encrypting.network import Linear, Network, folded, gate_of
from swimrl.encrypting.packing import Packing, fits
from swimrl.encrypting.plan import Plan, plan_for
from swimrl.polynomials import minimax


def quadratic(x):
    return x / 2 + x * x / 8


def swish(x):
    return x / (1 + np.exp(-x))


POLYNOMIALS: dict[str, tuple[Callable, int]] = {
    "line": (lambda x: 2 * x + 1, 1),
    "quadratic": (quadratic, 2),
    "swish 6": (minimax(swish, 6, 12.0).series, 6),
    "even 4": (lambda x: (x / 5) ** 4, 4),
    "tanh 7": (minimax(np.tanh, 7, 5.0).series, 7),
    "exp 5": (minimax(np.exp, 5, 3.0).series, 5),
    "swish 30": (minimax(swish, 30, 12.0).series, 30),
}


@dataclass(frozen=True)
class Case:
    """A network of random weights, its inputs [M, O], and the outputs [M, A] by products of matrices."""

    network: Network
    x: np.ndarray
    y: np.ndarray

    def plan(self, log_ring: int | None = None) -> Plan:
        return plan_for(self.network.levels, lambda slots: fits(self.network, slots), log_ring)

    def packing(self) -> Packing:
        return Packing(self.network, self.plan().slots)


def case_of(sizes: tuple[int, ...], polynomial: str = "quadratic", seed: int = 0) -> Case:
    function, degree = POLYNOMIALS[polynomial]
    rng = np.random.default_rng(seed)
    layers = [
        Linear(1.5 * rng.uniform(-1, 1, (n, i)) / np.sqrt(i), rng.uniform(-1, 1, n))
        for i, n in itertools.pairwise(sizes)
    ]
    x = rng.normal(size=(50, sizes[0]))
    h, gates = x, []
    for layer in layers[:-1]:
        z = h @ layer.weight.T + layer.bias
        gates.append(gate_of(function, degree, z, 1.5))
        h = function(z)
    y = h @ layers[-1].weight.T + layers[-1].bias
    bound = 1.5 * float(np.abs(y).max())
    return Case(folded(layers, gates, bound), x, y / bound)


@pytest.fixture(scope="session")
def small() -> Case:
    """One hidden layer of 64 with x/2 + x^2/8, at N = 2^13."""
    return case_of((17, 64, 6))
