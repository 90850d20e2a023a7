"""ReLU as a composition of polynomials: far less depth than one polynomial of the same precision.

    relu(x) ~ x (1 + p_m(...p_1(x/B)...))/2

Each p_i is the odd polynomial that is nearest to 1 on an interval, which it maps to a narrower one around 1:
together they approach the sign (Lee et al. 2021, arXiv:2105.10879). The degrees are those of their published
code; the coefficients are computed here.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from swimrl.errors import InputError
from swimrl.polynomials.precision import precision_text
from swimrl.polynomials.series import Cost, Series, check_bound
from swimrl.polynomials.symmetry import Array

STAGES: dict[int, tuple[tuple[int, ...], float]] = {
    4: ((5,), 1.547),
    5: ((13,), 2.419),
    6: ((3, 7), 2.713),
    7: ((7, 7), 3.569),
    8: ((7, 15), 4.444),
    9: ((15, 15), 5.315),
    10: ((7, 7, 13), 6.331),
    11: ((7, 7, 27), 7.264),
    12: ((7, 15, 27), 8.202),
    13: ((15, 15, 27), 9.149),
    14: ((15, 27, 29), 9.989),
}
"""For each alpha, the degrees with which the error on [-1, 1] is at most 2^-alpha, and -log2(epsilon).

The first polynomial is nearest to 1 on [epsilon, 1]. This epsilon makes the error smallest; it was
searched to three decimals, which decide less than 0.01 bit of the error.
"""

_POINTS = np.r_[0.0, np.geomspace(1e-6, 1.0, 20001)]
_ITERATIONS = 80


@dataclass(frozen=True)
class CompositeRelu:
    """ReLU on [-bound, bound] by composed polynomials.

    Args:
        alpha: The error on [-bound, bound] is at most bound 2^-alpha.
        stages: The odd polynomials, in the order in which they are applied, the first to x/bound.
        bound: B.
        upper: The largest error on [-bound, bound].
    """

    alpha: int
    stages: tuple[Series, ...]
    bound: float
    upper: float

    def __call__(self, x: Array) -> Array:
        """Return the values, in the shape of ``x``."""
        sign = x / self.bound
        for stage in self.stages:
            sign = stage(sign)
        return x * (1 + sign) / 2

    def as_json(self) -> dict[str, Any]:
        """Return the composition as a JSON-serialisable mapping."""
        return {"alpha": self.alpha, "bound": self.bound, "stages": [s.as_json() for s in self.stages]}

    @property
    def cost(self) -> Cost:
        """Depth and products of all stages, and of the product with x."""
        costs = [stage.cost for stage in self.stages]
        return Cost(sum(c.depth for c in costs) + 1, sum(c.products for c in costs) + 1)


def composite_relu(alpha: int, bound: float) -> CompositeRelu:
    """Return the composition whose error on [-bound, bound] is at most bound 2^-alpha.

    Args:
        alpha: 4 to 14.
        bound: B.

    Raises:
        InputError: If there is no composition for this alpha.
    """
    check_bound(bound)
    if alpha not in STAGES:
        raise InputError(f"alpha {alpha} has no composition; expected a whole number from 4 to 14")
    degrees, exponent = STAGES[alpha]
    stages, error = composed(degrees, 2.0**-exponent)
    return CompositeRelu(alpha, stages, bound, error * bound)


@functools.lru_cache(maxsize=64)
def composed(degrees: tuple[int, ...], epsilon: float) -> tuple[tuple[Series, ...], float]:
    """Return the polynomials for [-1, 1], each for the interval that the one before leaves.

    Args:
        degrees: Odd.
        epsilon: The first polynomial is nearest to 1 on [epsilon, 1].

    Returns:
        The polynomials, and the largest error of the composed ReLU on [-1, 1].

    Raises:
        InputError: If one of them leaves no interval of positive numbers to the next.
    """
    low, high = epsilon, 1.0
    stages = []
    for degree in degrees:
        if not 0 < low < high:
            raise InputError(f"polynomials of degrees {degrees} cannot be composed with epsilon {epsilon:g}")
        stage, error = _nearest_to_one(low, high, degree)
        stages.append(stage)
        low, high = 1 - error, 1 + error
    return tuple(stages), _relu_error(stages)


def smallest_composite_relu(precision: float, bound: float) -> CompositeRelu:
    """Return the composition of least depth whose error on [-bound, bound] is at most ``precision``.

    Raises:
        InputError: If even the most precise one is not precise enough.
    """
    for alpha in STAGES:
        composition = composite_relu(alpha, bound)
        if composition.upper <= precision:
            return composition
    raise InputError(
        f"no composition has an error of {precision_text(precision)} on [-{bound:g}, {bound:g}]; the best "
        f"one has {precision_text(composition.upper)}; allow a larger error or choose a smaller bound"
    )


def _relu_error(stages: Sequence[Series]) -> float:
    """Return the largest error on [-1, 1]; it is the same on both sides."""
    sign = _POINTS
    for stage in stages:
        sign = stage(sign)
    return float(np.abs(_POINTS * (1 + sign) / 2 - _POINTS).max())


def _nearest_to_one(low: float, high: float, degree: int) -> tuple[Series, float]:
    """Return the odd polynomial that is nearest to 1 on [low, high], and its largest error.

    Its error has exactly as many extrema as the exchange needs, so the exchange is plain.
    """
    count = (degree + 1) // 2
    grid = (low + high) / 2 - (high - low) / 2 * np.cos(np.linspace(0, np.pi, 400 * (count + 1) + 1))
    basis = chebyshev.chebvander(grid / high, degree)[:, 1::2]
    references = np.linspace(0, len(grid) - 1, count + 1).round().astype(int)
    signs = (-1.0) ** np.arange(count + 1)
    solution, largest = np.eye(1, count)[0], math.inf
    for _ in range(_ITERATIONS):
        try:
            *coefficients, level = np.linalg.solve(
                np.column_stack([basis[references], signs]), np.ones(count + 1)
            )
        except np.linalg.LinAlgError:  # the interval is a point, to rounding
            break
        errors = 1 - basis @ np.array(coefficients)
        if not np.all(np.isfinite(errors)):
            break
        solution, largest = np.array(coefficients), float(np.abs(errors).max())
        if largest <= abs(level) * (1 + 1e-6):
            break
        cuts = np.flatnonzero((errors[1:] < 0) != (errors[:-1] < 0)) + 1
        starts, ends = np.r_[0, cuts], np.r_[cuts, len(errors)]
        peaks = [a + int(np.argmax(np.abs(errors[a:b]))) for a, b in zip(starts, ends, strict=True)]
        while len(peaks) > count + 1:
            del peaks[0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1]
        if len(peaks) < count + 1:
            break
        references = np.array(peaks)
    all_coefficients = np.zeros(degree + 1)
    all_coefficients[1::2] = solution
    return Series(tuple(all_coefficients.tolist()), high), largest
