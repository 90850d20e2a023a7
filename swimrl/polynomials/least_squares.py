"""The polynomial that is right where it is used: least squares on given inputs."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import chebyshev

from swimrl.errors import InputError
from swimrl.polynomials.remez import MAX_DEGREE
from swimrl.polynomials.series import Series, check_bound
from swimrl.polynomials.symmetry import Array, Function

EVENLY = 0.01
"""The share of the weight that lies evenly on [-bound, bound], so that no stretch of it is left free."""

_GRID = 2001


def observed(function: Function, degree: int, bound: float, inputs: Array) -> Series:
    """Return the polynomial with the smallest mean squared error at the inputs that a function meets.

    Inputs outside [-bound, bound] count at the nearer end.

    Args:
        function: What to approximate.
        degree: Largest degree.
        bound: B.
        inputs: Such as the pre-activations of a layer, of any shape.

    Raises:
        InputError: If degree or bound cannot be used, or there are no inputs or infinite ones.
    """
    check_bound(bound)
    inputs = np.asarray(inputs, float).ravel()
    if not 0 <= degree <= MAX_DEGREE:
        raise InputError(f"degree {degree} cannot be fitted; expected one from 0 to {MAX_DEGREE}")
    if not inputs.size or not np.all(np.isfinite(inputs)):
        raise InputError("least squares need finite inputs, and at least one")
    t = np.r_[np.clip(inputs / bound, -1, 1), np.linspace(-1, 1, _GRID)]
    weight = np.sqrt(np.r_[np.full(inputs.size, (1 - EVENLY) / inputs.size), np.full(_GRID, EVENLY / _GRID)])
    basis = chebyshev.chebvander(t, degree) * weight[:, None]
    solution = np.linalg.lstsq(basis, function(bound * t) * weight, rcond=None)[0]
    return Series(tuple(solution.tolist()), bound)
