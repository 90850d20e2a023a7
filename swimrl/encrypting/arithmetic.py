"""Numbers in slots, as CKKS computes them: sums, products and rotations, each with a level and a scale.

An encrypted vector is a polynomial of integers modulo Q = q_0 q_1 ... q_L. It stands for its integers
divided by its scale. A product multiplies the scales; dropping the last modulus q_L divides by it and costs
a level. Two vectors can be added only at one level and one scale. Here every scale is known exactly, so no
sum mixes scales that are merely close.

The same program runs on encrypted vectors (``ciphertexts``) and on NumPy arrays (`Simulation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]
Number = TypeVar("Number")
"""An encrypted vector, or what stands for it."""


class Arithmetic(Protocol[Number]):
    """What can be computed with vectors of ``slots`` numbers. No operation changes its arguments."""

    slots: int
    """Numbers in a vector."""

    primes: Sequence[float]
    """``primes[k]`` is the modulus by which `rescale` divides at level k; level 0 has none left to drop."""

    def level(self, x: Number) -> int:
        """Return how many times ``x`` can be rescaled."""

    def scale(self, x: Number) -> float:
        """Return the factor between the numbers and the integers that hold them."""

    def add(self, x: Number, y: Number) -> Number:
        """Return x + y; both have the same level and scale."""

    def subtract(self, x: Number, y: Number) -> Number:
        """Return x - y; both have the same level and scale."""

    def add_plain(self, x: Number, values: Array | float) -> Number:
        """Return x + values."""

    def multiply(self, x: Number, y: Number) -> Number:
        """Return x y at the product of the scales; both have the same level."""

    def multiply_plain(self, x: Number, values: Array | float, scale: float) -> Number:
        """Return x values at the given scale, which the values are encoded for."""

    def rotate(self, x: Number, steps: int) -> Number:
        """Return y with y[i] = x[i + steps], around the end."""

    def rescale(self, x: Number, scale: float | None = None) -> Number:
        """Return x one level lower; its scale is divided by the prime of the level it leaves.

        Args:
            x: At level 1 or above.
            scale: The quotient, where it is known without rounding.
        """

    def lower(self, x: Number, level: int) -> Number:
        """Return x at a lower level and the same scale."""


@dataclass(frozen=True)
class Plain:
    """A vector of the simulation."""

    values: Array
    level: int
    scale: float


class Simulation:
    """The arithmetic on NumPy arrays, without noise; it checks levels and scales as encryption does.

    Args:
        slots: Numbers in a vector.
        primes: For each level.
    """

    def __init__(self, slots: int, primes: Sequence[float]) -> None:
        self.slots, self.primes = slots, primes

    def fresh(self, values: Array, scale: float) -> Plain:
        """Return a vector at the top level."""
        return Plain(np.asarray(values, float), len(self.primes) - 1, scale)

    def level(self, x: Plain) -> int:
        """Return how many times ``x`` can be rescaled."""
        return x.level

    def scale(self, x: Plain) -> float:
        """Return the scale."""
        return x.scale

    def add(self, x: Plain, y: Plain) -> Plain:
        """Return x + y."""
        assert (x.level, x.scale) == (y.level, y.scale)
        return Plain(x.values + y.values, x.level, x.scale)

    def subtract(self, x: Plain, y: Plain) -> Plain:
        """Return x - y."""
        assert (x.level, x.scale) == (y.level, y.scale)
        return Plain(x.values - y.values, x.level, x.scale)

    def add_plain(self, x: Plain, values: Array | float) -> Plain:
        """Return x + values."""
        return Plain(x.values + values, x.level, x.scale)

    def multiply(self, x: Plain, y: Plain) -> Plain:
        """Return x y."""
        assert x.level == y.level
        return Plain(x.values * y.values, x.level, x.scale * y.scale)

    def multiply_plain(self, x: Plain, values: Array | float, scale: float) -> Plain:
        """Return x values."""
        return Plain(x.values * values, x.level, scale)

    def rotate(self, x: Plain, steps: int) -> Plain:
        """Return y with y[i] = x[i + steps]."""
        return Plain(np.roll(x.values, -steps), x.level, x.scale)

    def rescale(self, x: Plain, scale: float | None = None) -> Plain:
        """Return x one level lower."""
        assert x.level >= 1
        quotient = x.scale / self.primes[x.level]
        assert scale is None or abs(scale / quotient - 1) < 1e-12
        return Plain(x.values, x.level - 1, quotient if scale is None else scale)

    def lower(self, x: Plain, level: int) -> Plain:
        """Return x at a lower level."""
        assert level <= x.level
        return Plain(x.values, level, x.scale)
