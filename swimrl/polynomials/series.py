"""A polynomial as a Chebyshev series, and what it costs under encryption.

A polynomial of degree 30 in powers of x has coefficients of 3e7 that cancel: float32 loses all digits. In
Chebyshev polynomials the coefficients are as small as the function, and Clenshaw's recurrence loses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from swimrl.errors import InputError

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Cost:
    """What the evaluation of a polynomial costs where only sums and products exist.

    Args:
        depth: Multiplications, those by a number included, that follow one another: what limits encryption.
        products: Multiplications of two unknown numbers: what takes time.
    """

    depth: int
    products: int


@dataclass(frozen=True)
class Series:
    """The polynomial sum_k coefficients[k] T_k(x/bound).

    Args:
        coefficients: c_0 to c_degree; at least one.
        bound: The polynomial is meant for x in [-bound, bound].
    """

    coefficients: tuple[float, ...]
    bound: float

    def __post_init__(self) -> None:
        if not self.coefficients or not np.all(np.isfinite(self.coefficients)):
            raise InputError("a polynomial needs at least one coefficient, and finite ones")
        check_bound(self.bound)

    def __call__(self, x: Array) -> Array:
        """Return the values, in the shape and dtype of ``x``; outside the bound they grow quickly."""
        x = np.asarray(x)
        dtype = x.dtype if x.dtype.kind == "f" else np.dtype(float)
        values: Array = chebyshev.chebval(x / dtype.type(self.bound), np.asarray(self.coefficients, dtype))
        return values

    @property
    def degree(self) -> int:
        """The degree."""
        return len(self.coefficients) - 1

    @property
    def is_line_and_even(self) -> bool:
        """Whether no odd power but the first occurs."""
        return not any(self.coefficients[3::2])

    @property
    def in_square(self) -> tuple[float, ...]:
        """The coefficients of T_k(u), u = 2 (x/bound)^2 - 1, of the even part: T_2k(t) = T_k(2 t^2 - 1)."""
        return self.coefficients[0::2]

    @property
    def cost(self) -> Cost:
        """Depth and products of the evaluation that splits the series at powers of two.

        The depth is ceil(log2(degree + 1)), the least possible.
        """
        if self.degree < 1:
            return Cost(0, 0)
        depth = math.ceil(math.log2(self.degree + 1))
        if self.is_line_and_even and self.degree > 2:
            return Cost(depth, 1 + _products(self.in_square))
        return Cost(depth, _products(self.coefficients))

    def as_json(self) -> dict[str, Any]:
        """Return the series as a JSON-serialisable mapping; `from_json` reads it."""
        return {"basis": "chebyshev", "bound": self.bound, "coefficients": list(self.coefficients)}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Series:
        """Return the series that `as_json` described.

        Raises:
            InputError: If it is in another basis.
        """
        if data.get("basis") != "chebyshev":
            raise InputError(f"a series in the basis {data.get('basis')!r} is unknown; expected 'chebyshev'")
        return Series(tuple(map(float, data["coefficients"])), float(data["bound"]))


def check_bound(bound: float) -> None:
    """Check that a bound is a positive number.

    Raises:
        InputError: It is not.
    """
    if not 0 < bound < math.inf:
        raise InputError(f"the bound {bound:g} is no range; expected a positive number, such as 10")


def split(coefficients: Sequence[float]) -> tuple[int, list[float], list[float]]:
    """Divide a series by the T_g of the largest power of two g below its length: p = quotient T_g + rest.

    With T_(g+j) = 2 T_g T_j - T_(g-j) both parts are series shorter than or as long as g.

    Args:
        coefficients: At least two.

    Returns:
        g, and the coefficients of quotient and rest.
    """
    g = 1 << (math.ceil(math.log2(len(coefficients))) - 1)
    rest = list(coefficients[:g])
    quotient = [coefficients[g], *(2 * c for c in coefficients[g + 1 :])]
    for j, c in enumerate(coefficients[g + 1 :], start=1):
        rest[g - j] -= c
    return g, quotient, rest


def _products(coefficients: Sequence[float]) -> int:
    """Return how many products of unknown numbers the evaluation by `split` needs."""
    powers: set[int] = {1}
    return _split_products(list(coefficients), powers) + len(powers) - 1


def _split_products(coefficients: list[float], powers: set[int]) -> int:
    """Count the products beside those that make T_g; add each g that is needed to ``powers``."""
    while len(coefficients) > 1 and coefficients[-1] == 0:
        coefficients.pop()
    if len(coefficients) <= 2:
        return 0
    g, quotient, rest = split(coefficients)
    powers |= {1 << i for i in range(g.bit_length())}
    own = 1 if any(quotient[1:]) else 0
    return own + _split_products(quotient, powers) + _split_products(rest, powers)
