"""The symmetry of a function, which its best polynomial shares.

Every x gate(x) with gate(-x) = 1 - gate(x) is x/2 plus an even function: relu, swish, swim, gelu. Of such a
function only the even part needs approximation, with half as many coefficients. Without that knowledge the
exchange algorithm meets singular systems (``remez``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]
Function = Callable[[Array], Array]
"""A function of numbers, applied to each element of an array of float64."""

Kind = Literal["line + even", "constant + odd", "none"]

_POINTS = 501
_TOLERANCE = 1e-13  # of the largest value: rounding errors


@dataclass(frozen=True)
class Parity:
    """The symmetry of a function.

    Args:
        kind: ``"line + even"``: slope*x plus an even function. ``"constant + odd"``: a constant plus an odd
            function. ``"none"``: neither.
        slope: The slope of the line; 0 for the other kinds.
        constant: The constant; 0 for the other kinds.
    """

    kind: Kind
    slope: float = 0.0
    constant: float = 0.0


def parity(function: Function, bound: float) -> Parity:
    """Return the symmetry of a function on [-bound, bound].

    Example:
        >>> parity(lambda x: np.maximum(x, 0), 1.0)
        Parity(kind='line + even', slope=0.5, constant=0.0)
    """
    x = bound * np.linspace(1e-3, 1.0, _POINTS)
    right, left = function(x), function(-x)
    odd, even = (right - left) / 2, (right + left) / 2
    allowed = _TOLERANCE * float(max(np.abs(right).max(), np.abs(left).max()))
    slope = float(odd[-1] / x[-1])
    if np.abs(odd - slope * x).max() <= allowed:
        return Parity("line + even", slope=slope)
    constant = float(even[-1])
    if np.abs(even - constant).max() <= allowed:
        return Parity("constant + odd", constant=constant)
    return Parity("none")
